"""The figures of Zhang & Pilanci (arXiv 2402.01965), one seeded script each."""
