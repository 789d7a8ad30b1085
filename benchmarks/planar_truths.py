"""Planar laws with exact scores, which estimates in ``planar_rivals.py`` are measured against.

The constants of the rivals were chosen on `TUNED_ON`; nothing was chosen on the others.
"""

import numpy as np
from scipy import stats
from scipy.special import logsumexp


class Mixture:
    """The law ``sum_k w_k N(m_k, C_k)`` in any dimension; one covariance is enough if all are equal."""

    def __init__(self, weights, means, covariances):
        self.means = np.asarray(means, dtype=float)
        self.weights = np.asarray(weights, dtype=float) / np.sum(weights)
        shape = (*self.means.shape, self.means.shape[1])
        self.factors = np.broadcast_to(np.linalg.cholesky(np.asarray(covariances, dtype=float)), shape)
        self.whiteners = np.linalg.inv(self.factors)

    def logpdf(self, x):
        """Return ``log sum_k w_k N(x; m_k, C_k)``."""
        log_heights = np.log(self.weights) + np.linalg.slogdet(self.whiteners)[1]
        z = np.einsum("kij,nkj->nki", self.whiteners, self.means - x[:, None])
        d = self.means.shape[1]
        return logsumexp(log_heights - 0.5 * (z**2).sum(axis=2), axis=1) - 0.5 * d * np.log(2 * np.pi)

    def sample(self, n, rng):
        k = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self.means[k] + np.einsum("nij,nj->ni", self.factors[k], noise)

    def score(self, x):
        """Return ``sum_k r_k(x) C_k^{-1} (m_k - x)`` with the posterior shares ``r_k`` of the components."""
        log_heights = np.log(self.weights) + np.linalg.slogdet(self.whiteners)[1]
        blocks = np.array_split(x, max(1, len(x) * len(self.weights) // 500_000))
        return np.concatenate([self._score(block, log_heights) for block in blocks])

    def _score(self, x, log_heights):
        z = np.einsum("kij,nkj->nki", self.whiteners, self.means - x[:, None])
        logs = log_heights - 0.5 * (z**2).sum(axis=2)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.einsum("nk,kji,nkj->ni", shares, self.whiteners, z, optimize=True)


class Banana:
    """The law ``x_1 ~ N(0, 1)``, ``x_2 = x_1^2 - 1 + width e`` with normal ``e``."""

    def __init__(self, width=0.5):
        self.width = width

    def sample(self, n, rng):
        first, noise = rng.standard_normal((2, n))
        return np.stack([first, first**2 - 1 + self.width * noise], axis=1)

    def logpdf(self, x):
        step = (x[:, 1] - x[:, 0] ** 2 + 1) / self.width
        return stats.norm.logpdf(x[:, 0]) + stats.norm.logpdf(step) - np.log(self.width)

    def score(self, x):
        pull = (x[:, 1] - x[:, 0] ** 2 + 1) / self.width**2
        return np.stack([2 * x[:, 0] * pull - x[:, 0], -pull], axis=1)


class StudentT:
    """The isotropic t law with density prop. to ``(1 + ||x||^2 / freedom)^(-(freedom + d) / 2)``."""

    def __init__(self, freedom=7, dimension=2):
        self.freedom, self.dimension = freedom, dimension

    def sample(self, n, rng):
        normal = rng.standard_normal((n, self.dimension))
        return normal / np.sqrt(rng.chisquare(self.freedom, (n, 1)) / self.freedom)

    def logpdf(self, x):
        return stats.multivariate_t(np.zeros(self.dimension), df=self.freedom).logpdf(x)

    def score(self, x):
        squares = (x**2).sum(axis=1, keepdims=True)
        return -(self.freedom + self.dimension) * x / (self.freedom + squares)


class Product:
    """Independent coordinates, each a law of SciPy with a known score."""

    def __init__(self, laws, scores):
        self.laws, self.scores = laws, scores

    def sample(self, n, rng):
        return np.stack([law.rvs(n, random_state=rng) for law in self.laws], axis=1)

    def score(self, x):
        return np.stack([score(column) for score, column in zip(self.scores, x.T, strict=True)], axis=1)

    def logpdf(self, x):
        return sum(law.logpdf(column) for law, column in zip(self.laws, x.T, strict=True))


def on_circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ring(modes=8, radius=3.0, scale=0.5):
    """Return equal Gaussians on a circle."""
    return Mixture(
        np.ones(modes), radius * on_circle(2 * np.pi * np.arange(modes) / modes), scale**2 * np.eye(2)
    )


def moons(scale=0.15, steps=50):
    """Return scikit-learn's two moons with normal noise, each a row of ``steps`` Gaussians."""
    upper = on_circle(np.pi * (np.arange(steps) + 0.5) / steps)
    means = np.concatenate([upper, [1.0, 0.5] - upper])
    return Mixture(np.ones(2 * steps), means, scale**2 * np.eye(2))


TRUTHS = {
    "ring": ring(),
    "moons": moons(),
    "banana": Banana(),
    "correlated": Mixture([1], [[1.0, -2.0]], [[1.0, 1.6], [1.6, 4.0]]),
    "t7": StudentT(),
    "cross": Mixture([1, 1], np.zeros((2, 2)), [[[1.0, 0.9], [0.9, 1.0]], [[1.0, -0.9], [-0.9, 1.0]]]),
}
TUNED_ON = ("ring", "moons", "banana")
#: Further laws, for `pooling_plane.py`.
MORE = {
    "two groups": Mixture([1, 4], [[-3.0, -3.0], [3.0, 3.0]], np.eye(2)),
    "three shapes": Mixture(
        [3, 2, 1],
        [[0.0, 0.0], [4.0, 1.0], [1.0, 4.0]],
        [[[1.0, 0.6], [0.6, 1.0]], [[0.2, 0.0], [0.0, 2.0]], [[0.3, -0.1], [-0.1, 0.2]]],
    ),
    "lattice": Mixture(
        np.ones(9), [[3.0 * i, 3.0 * j] for i in range(3) for j in range(3)], 0.36 * np.eye(2)
    ),
    "circle": Mixture(np.ones(100), 2 * on_circle(2 * np.pi * np.arange(100) / 100), 0.06 * np.eye(2)),
    "spiral": Mixture(
        np.ones(60),
        np.linspace(0.5, 3, 60)[:, None] * on_circle(np.linspace(0, 3 * np.pi, 60)),
        0.04 * np.eye(2),
    ),
    "gamma": Product([stats.gamma(3), stats.gamma(5)], [lambda x: 2 / x - 1, lambda x: 4 / x - 1]),
    "logistic": Product([stats.logistic()] * 2, [lambda x: -np.tanh(x / 2)] * 2),
    "dense core": Mixture([1, 1], np.zeros((2, 2)), [np.eye(2), 0.04 * np.eye(2)]),
}


def fisher_divergence(law, score, size=20_000):
    """Return ``E ||s(X) - s*(X)||^2``, the mean over fresh points, the same in every call."""
    fresh = law.sample(size, np.random.default_rng(10**6))
    return np.mean(((score(fresh) - law.score(fresh)) ** 2).sum(axis=1))
