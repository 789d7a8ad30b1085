"""The figures of Zhang & Pilanci (arXiv 2402.01965) and three more, one seeded script each.

``python -m paper_figs.fig03 --out DIR`` draws one, ``python -m paper_figs --out DIR`` all of them.  Each
module ``figNN`` has a function ``draw(quick)`` that returns the figure and the numbers behind it.
"""
