"""Pricing: which neuron correlates most with a residual, and whether that is known for certain."""
