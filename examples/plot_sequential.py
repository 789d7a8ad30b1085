"""
Sampling once at a time
=======================

Measurements so noisy that each law is log-concave, drawn one after another.

Two modes 6 sqrt(d) apart, a fifth of the mass in one.  With sigma^2 of at least R^2 - tau^2 = 9 d - 1 the law
of every measurement given those before is log-concave, so that plain Langevin dynamics mixes; the posterior
mean of many measurements then has nearly the law of the data.
Run: ``python examples/plot_sequential.py`` (writes sequential.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

dark, light, red = "#1f3b57", "#b9c6d2", "#c8553d"


def mixture_of(d):
    return cs.targets.GaussianMixture([0.2, 0.8], [[-3.0] * d, [3.0] * d], 1.0)


figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")

# The largest curvature of a measurement's log-density given those before, along the line between the modes.
ratios = np.linspace(0.5, 1.5, 41)
for d, color in ((2, dark), (8, red)):
    along = np.linspace(-4, 4, 401)[:, None] * np.ones(d)
    threshold = 9 * d - 1
    for k, style in ((1, "-"), (2, "--")):
        curvature = []
        for ratio in ratios:
            square = ratio * threshold
            jacobians = mixture_of(d).jacobian(along, np.sqrt(square / k))
            top = np.linalg.eigvalsh(jacobians)[:, -1].max()
            # In units of 1 / sigma^2: the law is concave in log where this is not positive.
            curvature.append((1 + square / k * top) / k - 1)
        axes[0].plot(ratios, curvature, style, color=color, label=f"d = {d}, measurement {k}")
axes[0].axhline(0, color="black", linewidth=0.8)
axes[0].axvline(1, color="black", linewidth=0.8)
axes[0].set(
    xlabel=r"$\sigma^2 / (R^2 - \tau^2)$",
    title="curvature of log p(next | before)",
    ylabel=r"in units of $1 / \sigma^2$",
)
axes[0].legend(frameon=False, fontsize=8)

for d, color in ((2, dark), (8, red)):
    mixture, sigma = mixture_of(d), np.sqrt(9 * d - 1)
    for steps, style in ((5, "-"), (0, ":")):
        _, means = cs.samplers.sequential(
            mixture.score, sigma, 100, 2000, d, rng=0, inner_steps=steps, trajectory=True
        )
        share = np.mean(means.sum(axis=-1) < 0, axis=1)
        label = f"d = {d}, {steps} Langevin steps a measurement"
        axes[1].semilogx(np.arange(1, 101), share, style, color=color, label=label)
        right = means[-1][means[-1].sum(axis=1) > 0]
        print(
            f"d = {d}, {steps} inner steps: {share[-1]:.3f} in the left mode (truth 0.200), variance "
            f"in the right mode {right.var(axis=0).mean():.3f} (theory {1 / (1 + sigma**2 / 100):.3f})"
        )
axes[1].axhline(0.2, color="black", linewidth=0.8)
axes[1].set(xlabel="measurements k", title="share in the left mode, truth .20", ylim=(0, 0.5))
axes[1].legend(frameon=False, fontsize=8)

# d = 2: where Langevin dynamics and the sequence end, from the same kind of start.
mixture, rng = mixture_of(2), np.random.default_rng(0)
stuck = cs.samplers.langevin(mixture.score, rng.uniform(-5, 5, (2000, 2)), 0.05, 500, rng=rng)
sequence = cs.samplers.sequential(mixture.score, np.sqrt(17), 100, 2000, 2, rng=0)
edges = np.linspace(-9, 9, 61)
for x, name, color in ((stuck, "Langevin", red), (sequence, "sequential", dark)):
    along = x.sum(axis=1) / np.sqrt(2)
    label = f"{name}: {np.mean(along < 0):.0%} left"
    axes[2].hist(along, edges, density=True, histtype="step", color=color, label=label)
line = np.linspace(-9, 9, 400)
truth = cs.targets.GaussianMixture([0.2, 0.8], [-3 * np.sqrt(2), 3 * np.sqrt(2)], 1.0)
axes[2].fill_between(line, np.exp(truth.logpdf(line)), color=light, label="truth: 20% left")
axes[2].set(xlabel="coordinate along the line between the modes", title="d = 2: density", ylim=(0, 0.45))
axes[2].legend(frameon=False, fontsize=8, loc="upper left")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("sequential.png", dpi=130)
