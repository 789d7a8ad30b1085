"""
Four samplers on an unbalanced mixture
======================================

Four samplers on two separated modes of unequal weight, with exact scores and with trained ones.

A fifth of the mass is in the left mode and the chains of Langevin dynamics start everywhere: with exact
scores they keep the halves of their start, with trained ones nearly so.  Samplers that come down from large
noise find the weights.  Annealed Langevin dynamics is the one that errors of a trained score disturb most.
Run: ``python examples/plot_imbalanced_mixture.py`` (writes imbalanced_mixture.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

dark, light = "#1f3b57", "#b9c6d2"
planar = cs.targets.GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0)
line = cs.targets.GaussianMixture([0.2, 0.8], [-5.0, 5.0], 1.0)


def four_samplers(score, plain, d, sigmas, sigma, m):
    """Return 2000 samples of each, with a plain score for Langevin dynamics; `sigma` is for measurements."""
    start = np.random.default_rng(0).uniform(-8, 8, 2000 if d is None else (2000, d))
    grid = cs.samplers.sigma_grid(sigmas[0], sigmas[-1], 101)
    return {
        "Langevin": cs.samplers.langevin(plain, start, 0.05, 500, rng=1),
        "annealed Langevin": cs.samplers.annealed_langevin(score, start, sigmas, rng=1, denoise=True),
        "reverse diffusion": cs.samplers.reverse(score, grid, 2000, d, rng=1, denoise=True),
        "sequential": cs.samplers.sequential(score, sigma, m, 2000, d, rng=1),
    }


def left(x):
    return np.mean((x if x.ndim == 1 else x.sum(axis=1)) < 0)


data = line.sample(1000, rng=0)
levels = np.geomspace(60, 0.5, 20)
trained = cs.NoiseConditionalScore.fit(data, levels, beta="auto", n_draws=20, rng=0)
neurons = [solution.network.n_neurons for solution in trained.solutions]
scopes = {solution.certificate.scope for solution in trained.solutions}
print(f"trained {levels.size} networks of {min(neurons)} to {max(neurons)} neurons, certificates: {scopes}")

exact = four_samplers(planar.score, planar.score, 2, np.geomspace(60, 0.7, 24), 7.0, 50)
learned = four_samplers(trained, trained.networks[-1], None, levels, 5.0, 60)
print(f"share in the left mode (truth 0.200; training data {left(data):.3f})")
print(f"  {'':<18s} exact, planar   trained, line")
for name in exact:
    print(f"  {name:<18s} {left(exact[name]):10.3f} {left(learned[name]):15.3f}")

figure, axes = plt.subplots(2, 4, figsize=(13, 6), sharex=True, sharey="row", layout="constrained")
x = np.linspace(-9, 9, 400)
for column, name in enumerate(exact):
    top, bottom = axes[:, column]
    top.plot(*exact[name].T, ".", color=dark, markersize=1.5)
    top.set_title(f"{name}: {left(exact[name]):.0%} left")
    bottom.fill_between(x, np.exp(line.logpdf(x)), color=light)
    bottom.hist(learned[name], np.linspace(-9, 9, 61), density=True, histtype="step", color=dark)
    bottom.set_title(f"{left(learned[name]):.0%} left")
    for ax in (top, bottom):
        ax.spines[["top", "right"]].set_visible(False)
axes[0, 0].set(xlim=(-9, 9), ylim=(-9, 9), ylabel="exact scores, two features\n(truth: 20% left)")
axes[1, 0].set(ylabel="trained scores, one feature\n(shaded: the true density)")
figure.savefig("imbalanced_mixture.png", dpi=130)
