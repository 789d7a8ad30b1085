"""Mixtures by gradient descent on the denoising objective against expectation maximization.

Distances of the means found from the true ones (matched, in Frobenius norm), over the distance of the
maximum of the likelihood that expectation maximization reaches from the truth; scikit-learn's EM starts from
k-means and learns shares and spherical covariances too.  Medians over seeds.
Run: python benchmarks/mixtures.py [--seeds 5]
"""

import argparse

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.mixture import GaussianMixture

from convexscore.baselines import fit_mixture


def pair(d, length, n, rng):
    """Two opposite means."""
    mu = rng.standard_normal(d)
    mu *= length / np.linalg.norm(mu)
    return np.array([mu, -mu]), n


def simplex(k, d, separation, n):
    """Means that are all equally far apart."""
    return separation / np.sqrt(2) * np.eye(k, d), n


def sample(means, n, rng):
    return means[rng.integers(len(means), size=n)] + rng.standard_normal((n, means.shape[1]))


def distance(found, means):
    squares = np.sum((found[:, None] - means) ** 2, axis=2)
    return np.sqrt(squares[linear_sum_assignment(squares)].sum() / len(means))


def maximum_likelihood(X, means):
    """EM with equal shares and unit covariances, from the truth."""
    for _ in range(200):
        logs = X @ means.T - 0.5 * np.sum(means**2, axis=1)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        means = shares.T @ X / shares.sum(axis=0)[:, None]
    return means


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    cases = {
        "pair, d=10, |mu|=1, n=10000": lambda rng: pair(10, 1.0, 10_000, rng),
        "pair, d=40, |mu|=2, n=5000": lambda rng: pair(40, 2.0, 5000, rng),
        "four, d=10, 6 apart, n=8000": lambda rng: simplex(4, 10, 6.0, 8000),
        "four, d=10, 3 apart, n=8000": lambda rng: simplex(4, 10, 3.0, 8000),
    }
    print(f"{'':30}{'denoising':>11}{'implicit':>11}{'EM':>11}{'likelihood from truth':>24}")
    for name, case in cases.items():
        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            means, n = case(rng)
            X, k = sample(means, n, rng), len(means)
            found = [fit_mixture(X, k, form=form, rng=seed) for form in ("denoising", "implicit")]
            em = GaussianMixture(k, covariance_type="spherical", n_init=3, random_state=seed).fit(X)
            found += [em.means_, maximum_likelihood(X, means)]
            rows.append([distance(one, means) for one in found])
        *errors, least = np.median(rows, axis=0)
        print(f"{name:30}" + "".join(f"{error:11.4f}" for error in errors) + f"{least:24.4f}")


if __name__ == "__main__":
    main()
