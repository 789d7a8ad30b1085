"""Pooled scores in the plane: points, laws, members and their vote."""
