"""Graphical models summed literally: one state after another, without blocks, logarithms or matrices."""

import itertools
import math

import numpy as np


def cosines(d, size, phase=0.0):
    """The symmetric matrix with entries ``size cos(i j + phase)`` and a zero diagonal."""
    i = np.arange(1, d + 1)
    return size * np.cos(np.outer(i, i) + phase) * (1 - np.eye(d))


def rectangle(d, k, size):
    return size * np.cos(np.outer(np.arange(1, d + 1), np.arange(1, k + 1)))


def signs(d):
    return list(itertools.product([-1.0, 1.0], repeat=d))


def coupled(A, x):
    """The energy of each pair once."""
    return sum(A[i][j] * x[i] * x[j] for i in range(len(x)) for j in range(i))


def summed(energy, d, h):
    """Mean and log-normalizer of ``exp(energy(x) + h'x)``."""
    total, sums = 0.0, np.zeros(d)
    for x in signs(d):
        weight = math.exp(energy(x) + sum(a * b for a, b in zip(h, x, strict=True)))
        total += weight
        sums += weight * np.array(x)
    return sums / total, math.log(total)


def noisy_density(energy, d, y, sigma):
    """The density of signs plus noise, a mixture of Gaussians."""
    states = signs(d)
    weights = [math.exp(energy(x)) for x in states]
    parts = [
        w * math.exp(-sum((a - b) ** 2 for a, b in zip(y, x, strict=True)) / (2 * sigma**2))
        for w, x in zip(weights, states, strict=True)
    ]
    return sum(parts) / sum(weights) / (2 * math.pi * sigma**2) ** (d / 2)


def shares(energy, d):
    """Probabilities of the states, in the order of `signs`."""
    weights = np.array([math.exp(energy(x)) for x in signs(d)])
    return weights / weights.sum()


def counts(samples):
    """Shares of the states among samples, in the order of `signs`."""
    d = samples.shape[1]
    codes = ((samples > 0) * 2 ** np.arange(d)[::-1]).sum(axis=1)
    return np.bincount(codes, minlength=2**d) / len(samples)
