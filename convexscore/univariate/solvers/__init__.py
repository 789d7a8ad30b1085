"""Solvers of the univariate programs: the exact active sets, and general conic solvers."""
