"""How well noise-conditional scores denoise and generate when everything about them is chosen.

Denoising error ``sigma^2 E |s - s*|^2`` in the plane against the exact score, for balanced and
plain draws of one number, medians over seeds; before it distances of generated samples from the truth beside
those of the training data and of a Gaussian fit, with the seconds of CPU that the fit took.  Run:
OPENBLAS_NUM_THREADS=1 python benchmarks/denoising.py [--seeds 2]
"""

import argparse
import time

import numpy as np

import convexscore as cs
from convexscore.diagnostics import sliced_wasserstein, wasserstein
from convexscore.families import family_of
from convexscore.problem import Problem
from convexscore.scores.draws import balanced_normals

MIXTURE = cs.targets.GaussianMixture
LINES = {
    "two modes": MIXTURE([1 / 3, 2 / 3], [-2.0, 1.0], [0.3, 0.6]),
    "three modes": MIXTURE([0.3, 0.3, 0.4], [-4.0, 0.0, 3.0], 0.5),
    "gaussian": MIXTURE([1.0], [0.0], 1.0),
}
PLANES = {
    "ring": cs.targets.ring(n_modes=6, radius=3.0, scale=0.4),
    "two modes": MIXTURE([0.2, 0.8], [[-3.0, -3.0], [3.0, 3.0]], 1.0),
}


def denoising_error(law, X, sigma, delta, grouped):
    """Return the error of one level, its weight decay chosen with or without grouping the draws."""
    draws = len(delta)
    noisy = np.tile(X, (draws, 1)) + sigma * delta.reshape(-1, 2)
    objective = cs.DenoisingScoreMatching(noisy, -delta.reshape(-1, 2) / sigma)
    problem = Problem(objective, skip=True)
    groups = np.tile(np.arange(len(X)), draws) if grouped else None
    few = {"n_replicates": 20, "n_iterations": 1}
    beta = family_of(problem).checked_select(problem, "bootstrap", 0, few, groups)
    network = cs.solve(objective, beta, skip=True, tol=1e-3).network
    fresh = law.sample(4000, rng=10**6, sigma=sigma)
    return sigma**2 * np.mean(np.sum((network(fresh) - law.score(fresh, sigma)) ** 2, axis=1))


def compare_draws(seeds):
    for name, law in PLANES.items():
        for sigma in (2.0, 0.7, 0.25):
            errors = []
            for seed in range(seeds):
                X, rng = law.sample(100, rng=seed), np.random.default_rng(seed)
                plain, balanced = rng.standard_normal((8, 100, 2)), balanced_normals(100, 2, 8, rng)
                errors.append(
                    [
                        denoising_error(law, X, sigma, plain, grouped=False),
                        denoising_error(law, X, sigma, plain, grouped=True),
                        denoising_error(law, X, sigma, balanced, grouped=True),
                    ]
                )
            plain, grouped, balanced = np.median(errors, axis=0)
            print(
                f"{name:<12s} sigma {sigma:<5g} plain {plain:.4f}  grouped {grouped:.4f}  "
                f"balanced {balanced:.4f}",
                flush=True,
            )


def generate(name, law, n, seed):
    X = law.sample(n, rng=seed)
    line = X.ndim == 1
    start = time.process_time()
    score = cs.NoiseConditionalScore.fit(X, "auto", "auto", rng=0)
    seconds = time.process_time() - start
    truth = law.sample(4000, rng=10**6)
    gaussian = np.random.default_rng(1).multivariate_normal(
        np.atleast_1d(X.mean(axis=0)), np.atleast_2d(np.cov(X.T)), 4000
    )
    found = {
        "generated": cs.samplers.reverse(score, score.sigmas, 4000, rng=1),
        "training": X,
        "gaussian fit": gaussian[:, 0] if line else gaussian,
        "fresh": law.sample(4000, rng=10**6 + 1),
    }
    distance = wasserstein if line else sliced_wasserstein
    extra = {} if line else {"rng": 0}
    figures = "  ".join(f"{key} {distance(x, truth, **extra):.3f}" for key, x in found.items())
    print(f"{name:<12s} {score.sigmas.size} levels, {seconds:.1f} s: {figures}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    seeds = parser.parse_args().seeds
    for seed in range(seeds):
        for name, law in LINES.items():
            generate(name, law, 300, seed)
    for seed in range(seeds):
        for name, law in PLANES.items():
            generate(name, law, 200, seed)
    compare_draws(seeds)


if __name__ == "__main__":
    main()
