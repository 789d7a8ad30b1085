"""Graphical models seen through Gaussian noise, with exact or variational scores."""
