"""The small example and the regression in the plane that the tests of kernels share."""

import numpy as np

from convexscore.baselines import DenoisingRegression

#: Five points with a constant column, their labels, and four new points.
X = np.column_stack([[-1.5, -0.4, 0.2, 0.9, 2.0], np.ones(5)])
Y = np.array([0.5, -1.0, 0.3, 1.2, -0.4])
NEW = np.column_stack([[-2.0, 0.0, 0.55, 3.0], np.ones(4)])

MEANS, SHARES, SCALE = np.array([[-1.0, 0.0], [1.0, 0.5]]), np.array([0.3, 0.7]), 0.3


def mixture_sample(n, rng):
    """Samples of a mixture of two Gaussians in the plane."""
    component = rng.choice(2, size=n, p=SHARES)
    return MEANS[component] + SCALE * rng.standard_normal((n, 2))


def posterior_mean(z, t):
    """The mixture's E[x | z, t], written out."""
    alpha = np.exp(-t)[:, None]
    variance = alpha**2 * SCALE**2 - np.expm1(-2 * t)[:, None]
    gaps = z[:, None] - alpha[:, None] * MEANS
    shares = SHARES * np.exp(-0.5 * (gaps**2).sum(axis=2) / variance)
    shares /= shares.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkd->nd", shares, MEANS + (alpha * SCALE**2 / variance)[:, :, None] * gaps)


def regressions(n, seed, ones=True):
    """Training, held-out and test regressions from three independent data sets."""
    rng = np.random.default_rng(seed)
    return [
        DenoisingRegression.from_clean(mixture_sample(size, rng), size, ones=ones, rng=rng)
        for size in (n, n, 2000)
    ]


def denoiser_error(predicted, regression):
    """The mean squared error of predictions as an estimate of the posterior mean."""
    exact = posterior_mean(regression.inputs[:, :2], regression.inputs[:, 2] + regression.t_min)
    return np.mean((predicted - exact) ** 2, axis=(-2, -1))
