"""
Langevin dynamics on an abs score: Theorem A.7
==============================================

Langevin dynamics on the score of an absolute-value network: Theorem A.7 of Zhang & Pilanci, tested.

Score matching with abs networks without skip has a solution in closed form for weight decays between beta_2
and n: a line of slope -(1 - beta/n)/v between the least and the largest sample, and constant beyond.  The law
with that score is log-concave, normal in the middle with Laplace tails, and for it the theorem bounds the
divergence of unadjusted Langevin dynamics by W2^2 / (2 N h) + L h, L the slope.  Left: the law for three
weight decays.  Middle: the divergence of the mean law of the first N steps, on a grid without Monte Carlo
error, beside the bound.  Right: scores of other optimal networks, of slopes 2 r and -2 r beyond the samples.
The one with r = 0, which is returned, is the only log-concave one; the others have no law: on one side they
point outwards.
Run: ``python examples/plot_langevin_abs.py`` (writes langevin_abs.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.samplers.grid import GridLaw, langevin_law
from convexscore.theory import langevin_bound, langevin_kl

dark, light, red, green = "#1f3b57", "#b9c6d2", "#c8553d", "#5b9aa0"
x = np.random.default_rng(0).standard_normal(60)
n = x.size
objective = cs.ScoreMatching(x)
bounds = cs.beta_bounds(objective, activation="abs")
print(f"closed form from beta_2 = {bounds.linear / n:.2f} n to n")
grid = np.linspace(-25, 25, 1251)
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")

for share, color in ((0.9, light), (0.8, green), (0.7, dark)):
    network = cs.solve(objective, share * n, activation="abs").network
    axes[0].semilogy(grid, cs.ScoreDensity(network).pdf(grid), color=color, label=f"beta = {share:g} n")
for edge in (x.min(), x.max()):
    axes[0].axvline(edge, color="black", linewidth=0.6)
axes[0].set(xlim=(-12, 12), ylim=(1e-6, 1), xlabel="x", title="learned density: tails of a Laplace law")
axes[0].legend(frameon=False, fontsize=8)

share = 0.7
network = cs.solve(objective, share * n, activation="abs").network
density, slope = cs.ScoreDensity(network), float(np.abs(network.piecewise.slopes).max())
print(f"slopes {network.piecewise.slopes.round(4)}, (1 - beta/n)/v = {(1 - share) / x.var():.4f}")
law = GridLaw.of(density.logpdf, grid)
start = GridLaw(grid, np.exp(-(((grid - 4.0) / 0.6) ** 2) / 2))
counts = np.array([1, 3, 10, 30, 100, 300, 1000])
for part, color in ((0.5, red), (0.1, dark), (0.02, green)):
    h = part / slope
    found = [langevin_law(start, network, h, int(k), average=True).kl(law) for k in counts]
    proven = [langevin_kl(slope, 1, start.w2(law), h, int(k)) for k in counts]
    assert (np.array(found) <= proven).all()
    axes[1].loglog(counts, found, "o-", color=color, markersize=4, label=f"h = {part:g} / L")
    axes[1].loglog(counts, proven, "--", color=color)
    print(f"h = {part:g} / L: KL {found[-1]:.2e} after 1000 steps, at most {proven[-1]:.2e} proven")
plan = langevin_bound(slope, 1, start.w2(law), 0.1)
reached = langevin_law(start, network, plan.step_size, plan.n_steps, average=True).kl(law)
print(f"for KL of .1 it takes {plan.n_steps} steps of {plan.step_size:.3f}: {reached:.4f}")
axes[1].plot([], [], "--", color="gray", label="bound of Theorem A.7")
axes[1].set(xlabel="steps N", title="KL(mean law || learned law)")
axes[1].legend(frameon=False, fontsize=8)

# Kinks at the extremes: for |r| up to L / 2 the line between and the norm of the weights are the same.
low, high = x.min(), x.max()
line = np.linspace(-6, 6, 601)
inner = -(1 - share) / x.var() * (np.clip(line, low, high) - x.mean())
for r, color in ((-slope / 2, red), (0.0, dark), (slope / 2, green)):
    outer = 2 * r * (np.maximum(line - high, 0) + np.maximum(low - line, 0))
    axes[2].plot(line, inner + outer, color=color, label=f"r = {r / slope:+g} L")
axes[2].axhline(0, color="black", linewidth=0.6)
axes[2].set(xlabel="x", title="scores of optimal networks")
axes[2].legend(frameon=False, fontsize=8)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("langevin_abs.png", dpi=130)
