"""Expected denoising: the noise integrated out, kinks anywhere on the line."""
