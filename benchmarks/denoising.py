"""How well noise-conditional scores denoise and generate when everything about them is chosen.

Three tables: the width of the finest structure that the automatic levels see, beside the true one;
distances of generated samples from the truth beside those of the training data, of a Gaussian fit and of
fresh samples, with the seconds of CPU that the fit took, means over seeds; and the denoising error
``sigma^2 E |s - s*|^2`` in the plane against the exact score, for balanced and plain draws of one number,
medians over seeds.  Run:
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
from convexscore.scores.levels import noise_levels

MIXTURE = cs.targets.GaussianMixture


class Curve:
    """Points of a curve with Gaussian noise about it; only samples are known."""

    def __init__(self, points, noise):
        self.points, self.noise = points, noise

    def sample(self, n, *, rng):
        rng = np.random.default_rng(rng)
        points = self.points(rng.uniform(0, 2 * np.pi, n))
        return points + self.noise * rng.standard_normal((n, 2))


def circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def moons(angle):
    upper = angle < np.pi
    return circle(angle) + np.where(upper[:, None], 0.0, [1.0, 0.5])


# Laws, and the standard deviation across their narrowest part.
LINES = {
    "Gaussian": (MIXTURE([1.0], [0.0], 1.0), 1.0),
    "two modes": (MIXTURE([1 / 3, 2 / 3], [-2.0, 1.0], [0.3, 0.6]), 0.3),
    "three modes": (MIXTURE([0.3, 0.3, 0.4], [-4.0, 0.0, 3.0], 0.5), 0.5),
}
PLANES = {
    "ring of six modes": (cs.targets.ring(n_modes=6, radius=3.0, scale=0.4), 0.4),
    "two modes": (MIXTURE([0.2, 0.8], [[-3.0, -3.0], [3.0, 3.0]], 1.0), 1.0),
    "circle, 5 % noise": (Curve(circle, 0.05), 0.05),
    "two moons": (Curve(moons, 0.1), 0.1),
}
THIN = {"circle, 1 % noise": (Curve(circle, 0.01), 0.01)}
EXACT = ("ring of six modes", "two modes")


def finest_structures(sizes=(50, 300, 2000), seeds=10):
    print("| law | " + " | ".join(f"n = {n}" for n in sizes) + " |\n|---|" + "---|" * len(sizes))
    for name, (law, true) in (
        *(("line: " + name, row) for name, row in LINES.items()),
        *(("plane: " + name, row) for name, row in (PLANES | THIN).items()),
    ):
        cells = []
        for n in sizes:
            samples = (law.sample(n, rng=seed) for seed in range(seeds))
            ratios = [10 * noise_levels(X.reshape(n, -1), 1.5)[-1] / true for X in samples]
            cells.append(f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def generated(law, n, seed):
    """Return number of levels, seconds, and distances from the truth."""
    X = law.sample(n, rng=seed)
    line = X.ndim == 1
    start = time.process_time()
    score = cs.NoiseConditionalScore.fit(X, "auto", "auto", rng=0)
    seconds = time.process_time() - start
    truth = law.sample(4000, rng=10**6)
    gaussian = np.random.default_rng(1).multivariate_normal(
        np.atleast_1d(X.mean(axis=0)), np.atleast_2d(np.cov(X.T)), 4000
    )
    found = (
        cs.samplers.reverse(score, score.sigmas, 4000, rng=1),
        X,
        gaussian[:, 0] if line else gaussian,
        law.sample(4000, rng=10**6 + 1),
    )
    distance = wasserstein if line else sliced_wasserstein
    extra = {} if line else {"rng": 0}
    return score.sigmas.size, seconds, *(distance(x, truth, **extra) for x in found)


def compare_generation(seeds, n_line=300, n_plane=100):
    print(
        "| law | n | levels | CPU s | generated | training data | Gaussian fit | fresh |\n|---|" + "---|" * 7
    )
    for laws, n in ((LINES, n_line), (PLANES, n_plane)):
        for name, (law, _) in laws.items():
            levels, seconds, *distances = np.mean([generated(law, n, seed) for seed in range(seeds)], axis=0)
            cells = " | ".join(f"{distance:.3f}" for distance in distances)
            print(f"| {name} | {n} | {levels:.0f} | {seconds:.1f} | {cells} |", flush=True)


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


def compare_draws(seeds, n=60):
    print("| law | noise | plain | plain, grouped | balanced, grouped |\n|---|" + "---|" * 4)
    for name in EXACT:
        law, _ = PLANES[name]
        for sigma in (2.0, 0.7, 0.25):
            errors = []
            for seed in range(seeds):
                X, rng = law.sample(n, rng=seed), np.random.default_rng(seed)
                plain, balanced = rng.standard_normal((8, n, 2)), balanced_normals(n, 2, 8, rng)
                settings = ((plain, False), (plain, True), (balanced, True))
                errors.append([denoising_error(law, X, sigma, *setting) for setting in settings])
            cells = " | ".join(f"{error:.3f}" for error in np.median(errors, axis=0))
            print(f"| {name} | {sigma:g} | {cells} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    seeds = parser.parse_args().seeds
    start = time.process_time()
    finest_structures()
    compare_generation(seeds)
    compare_draws(seeds)
    print(f"{time.process_time() - start:.0f} CPU s in all")


if __name__ == "__main__":
    main()
