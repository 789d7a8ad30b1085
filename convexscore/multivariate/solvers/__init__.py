"""Solvers of the programs over neurons and patterns."""
