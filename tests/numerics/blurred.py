"""Data blurred by Gaussian noise, random scores over them, and literal integrals."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erfc

from convexscore.numerics.gaussian_moments import BlurredData
from convexscore.numerics.piecewise import PiecewiseLinear


def bell(u):
    return np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi)


def below(u):
    """The standard normal distribution function."""
    return 0.5 * erfc(-u / np.sqrt(2))


@st.composite
def laws(draw, max_size=5):
    """Draw a blurred law of a few samples, ties and scales included."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    size = draw(st.integers(1, max_size))
    unit = draw(st.sampled_from([1e-3, 1.0, 1e3]))
    x = unit * np.round(3 * rng.standard_normal(size), draw(st.sampled_from([0, 3])))
    width = unit * draw(st.sampled_from([0.1, 1.0, 5.0]))
    return BlurredData.from_samples(x, rng.uniform(0.3, 3.0, size), width), rng


def literal_density(data, y, derivative=0):
    """``q`` or one of its first three derivatives, term by term."""
    u = (np.asarray(y)[..., None] - data.x) / data.width
    hermite = (1.0, -u, u**2 - 1, -(u**3) + 3 * u)[derivative]
    return (hermite * bell(u)) @ data.mass / data.width ** (derivative + 1)


def integral(data, function, low=-np.inf, high=np.inf, cuts=()):
    """Integrate ``q`` times a function that is smooth between the cuts."""
    low = max(low, data.x[0] - 10 * data.width)
    high = min(high, data.x[-1] + 10 * data.width)
    edges = np.unique(np.concatenate([[low, high], data.x, cuts]))
    edges = edges[(edges >= low) & (edges <= high)]
    # Integrals over what is negligible need no relative accuracy.
    small = 1e-13 * data.total
    parts = [
        quad(lambda y: literal_density(data, y) * function(y), a, b, epsabs=small, epsrel=1e-10)[0]
        for a, b in pairwise(edges)
    ]
    return float(np.sum(parts))


def random_score(data, rng, n_knots=3):
    """A piecewise linear function with knots on and off the data."""
    unit = np.sqrt(data.variance)
    knots = np.unique(data.mean + unit * rng.standard_normal(n_knots) * 1.5)
    slopes = rng.standard_normal(knots.size + 1) / unit**2
    values = rng.standard_normal() / unit + np.concatenate([[0.0], np.cumsum(slopes[1:-1] * np.diff(knots))])
    return PiecewiseLinear(knots, values, slopes)
