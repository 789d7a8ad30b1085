"""
Measurements at once, and one after another
===========================================

Measurements drawn all at once, and one after another, with as many calls of the score.

A fifth of a law in one of two modes, 6 apart.  The posterior mean of m measurements of noise sigma is within
sigma / sqrt(m) of the law in the second Wasserstein distance.  Drawn jointly, by Langevin dynamics on all of
them, they need that the law at noise sigma / sqrt(m) is log-concave: then m does not help, and with less
noise chains stay where they start.  Drawn one after another only the law at noise sigma has to be.
Left: the distance from the law.  Right: the share of the smaller mode.
Run: ``python examples/plot_joint.py`` (writes joint.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.diagnostics import wasserstein

dark, red, green = "#1f3b57", "#c8553d", "#5b9aa0"
mixture, n = cs.targets.GaussianMixture([0.2, 0.8], [-3.0, 3.0], 1.0), 4000
# From R^2 - tau^2 = 8 on the noisy law is log-concave; chains start at the smaller mode.
start = {"rng": 0, "center": -3.0}
sigma, many = np.sqrt(8.0), np.array([1, 2, 4, 8, 16, 32, 64, 128])
truth = mixture.sample(100_000, rng=1)
rows = {"one after another": [], "all at once": [], "all at once, more noise": [], "exact law": []}
for m in many.tolist():
    calls = 100 + 6 * (m - 1)
    in_turn = cs.samplers.sequential(mixture.score, sigma, m, n, None, **start)
    at_once = cs.samplers.joint(mixture.score, sigma, m, n, None, n_steps=calls, **start)
    # Enough noise for all m at once: that of the mean stays the same.
    noisy = cs.samplers.joint(mixture.score, sigma * np.sqrt(m), m, n, None, n_steps=calls, **start)
    level = sigma / np.sqrt(m)
    exact = mixture.denoise(mixture.sample(n, rng=2, sigma=level), level)
    for found, x in zip(rows.values(), (in_turn, at_once, noisy, exact), strict=True):
        found.append((wasserstein(x, truth, p=2), np.mean(x < 0)))

styles = ((dark, "o-"), (red, "s-"), (green, "^--"), ("#8a8a8a", ":"))
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for (name, found), (color, style) in zip(rows.items(), styles, strict=True):
    distances, shares = np.transpose(found)
    axes[0].loglog(many, distances, style, color=color, markersize=5, label=name)
    axes[1].semilogx(many, shares, style, color=color, markersize=5, label=name)
    print(
        f"{name:<24s} W2 {distances[0]:.3f} .. {distances[-1]:.3f}, share {shares[0]:.3f} .. {shares[-1]:.3f}"
    )
axes[0].loglog(many, sigma / np.sqrt(many), color="black", linewidth=0.8, label="sigma / sqrt(m)")
axes[1].axhline(0.2, color="black", linewidth=0.8, label="truth")
axes[0].set_title("second Wasserstein distance from the law")
axes[1].set(title="share of the smaller mode", ylim=(0, 0.6))
for ax in axes:
    ax.set_xlabel("measurements m")
    ax.set_xticks(many, [str(m) for m in many])
    ax.set_xticks([], minor=True)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False, fontsize=8)
figure.savefig("joint.png", dpi=130)
