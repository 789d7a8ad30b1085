"""Numerical tools: piecewise linear functions, Gaussian moments, integrals, sorting."""
