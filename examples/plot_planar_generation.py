"""
Generation in the plane
=======================

One certified denoising network a noise level, then annealed Langevin.

Eight Gaussians on a circle, two moons, and Old Faithful's eruptions with their waiting times (standardized).
The same networks trained by Adam on the very same losses (100 neurons, three learning rates, the best of
them) are sampled in the same way.  Printed: the sliced Wasserstein distance between samples and fresh data
(for Old Faithful the data themselves), and the largest error of any mode's share.
Run: ``python examples/plot_planar_generation.py`` (writes planar_generation.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

N_DRAWS, N_LEVELS = 3, 5


def data_sets():
    """Yield name, training data, data to compare with, and centres of modes."""
    ring, moons = cs.targets.ring(8, radius=3.0, scale=0.4), cs.targets.moons(scale=0.15)
    yield "eight Gaussians", ring.sample(160, rng=0), ring.sample(2000, rng=1), ring.means
    yield "two moons", moons.sample(160, rng=0), moons.sample(2000, rng=1), np.array([[0, 0.6], [1, -0.1]])
    eruptions = cs.datasets.load_old_faithful().data
    standardized = (eruptions - eruptions.mean(axis=0)) / eruptions.std(axis=0)
    yield "Old Faithful", standardized, standardized, np.array([[-1.3, -1.2], [0.7, 0.7]])


def trained_by_adam(convex, X):
    """Return networks trained by Adam on the losses of the certified ones."""
    delta = np.random.default_rng(0).standard_normal((N_DRAWS * len(X), 2))
    networks, excess = [], []
    for sigma, solution in zip(convex.sigmas, convex.solutions, strict=True):
        noisy = np.tile(X, (N_DRAWS, 1)) + sigma * delta
        objective = cs.DenoisingScoreMatching(noisy, -delta / sigma)
        result = cs.baselines.train_adam(
            objective,
            solution.beta,
            "relu",
            True,
            n_neurons=100,
            learning_rate=[0.003, 0.01, 0.03],
            n_epochs=300,
            n_trials=1,
            schedule="cosine",
            keep_losses=False,
            rng=0,
        )
        networks.append(result.best)
        excess.append((result.best_loss - solution.value) / abs(solution.value))
    print(f"  Adam's losses above the optimum: {min(excess):.1e} to {max(excess):.1e}, relative")
    return cs.NoiseConditionalScore(convex.sigmas, networks)


def report(name, samples, fresh, modes):
    distance = cs.diagnostics.sliced_wasserstein(samples, fresh, rng=0)
    shares = [cs.diagnostics.mode_fractions(points, modes) for points in (samples, fresh)]
    error = np.abs(shares[0] - shares[1]).max()
    print(f"  {name:10s} sliced Wasserstein {distance:.3f}, largest error of a mode's share {error:.3f}")
    return f"{name}: distance {distance:.2f}"


figure, axes = plt.subplots(3, 3, figsize=(9, 9), layout="constrained")
for row, (name, X, fresh, modes) in zip(axes, data_sets(), strict=True):
    spread = X.std()
    sigmas = np.geomspace(1.5 * spread, 0.12 * spread, N_LEVELS)
    # The noise that `trained_by_adam` draws.
    convex = cs.NoiseConditionalScore.fit(X, sigmas, "auto", n_draws=N_DRAWS, rng=np.random.default_rng(0))
    gaps = [solution.certificate.gap / abs(solution.value) for solution in convex.solutions]
    print(f"{name}: {len(X)} points, largest relative gap of {N_LEVELS} levels {max(gaps):.0e}")
    titles, clouds = [f"{name}: data"], [X]
    for label, score in (("certified", convex), ("Adam", trained_by_adam(convex, X))):
        start = 2 * spread * np.random.default_rng(1).standard_normal((2000, 2))
        samples = cs.samplers.annealed_langevin(score, start, sigmas, rng=2, denoise=True)
        titles.append(report(label, samples, fresh, modes))
        clouds.append(samples)
    reach = 1.2 * np.abs(X - X.mean(axis=0)).max()
    for ax, title, cloud in zip(row, titles, clouds, strict=True):
        ax.scatter(*cloud.T, s=4, alpha=0.5, color="#1f3b57", linewidths=0)
        ax.set_title(title, fontsize=10)
        ax.set(
            xlim=X[:, 0].mean() + reach * np.array([-1, 1]), ylim=X[:, 1].mean() + reach * np.array([-1, 1])
        )
        ax.set_aspect("equal")
        ax.spines[["top", "right"]].set_visible(False)
figure.savefig("planar_generation.png", dpi=110)
