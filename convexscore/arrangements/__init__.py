"""Activation patterns of data: the cells of the arrangement of its rows."""
