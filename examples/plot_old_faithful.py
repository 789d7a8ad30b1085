"""
Old Faithful at four weight decays
==================================

The eruptions at four weight decays: from a straight line to two sharp modes.

Every panel is the certified global optimum of score matching with a ReLU network and skip connection.
Run: ``python examples/plot_old_faithful.py`` (writes old_faithful_betas.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

eruptions = cs.datasets.load_old_faithful()["eruptions"]
objective = cs.ScoreMatching(eruptions)
bounds = cs.beta_bounds(objective, "relu", skip=True)
print(bounds)

figure, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True, layout="constrained")
grid = np.linspace(1.0, 6.0, 600)
for ax, beta in zip(axes.flat, (bounds.linear, 60.0, 20.0, 8.0), strict=True):
    solution = cs.solve(objective, beta, "relu", skip=True)
    density = cs.ScoreDensity(solution.network)
    certificate = solution.certificate
    ax.hist(eruptions, bins=30, density=True, color="#b9c6d2", label="data")
    ax.plot(grid, density.pdf(grid), color="#1f3b57", linewidth=2, label="exact density of the score")
    kinks = solution.network.kinks
    ax.plot(kinks, density.pdf(kinks), "o", color="#c8553d", label="kinks")
    ax.set_title(
        f"beta = {beta:.3g}: {kinks.size} kink{'s' * (kinks.size != 1)}, gap {max(certificate.gap, 0):.0e}"
    )
    ax.spines[["top", "right"]].set_visible(False)
    print(f"beta {beta:6.2f}  value {solution.value:12.4f}  gap {certificate.gap:8.1e}  kinks {kinks.size}")
axes[0, 0].legend(frameon=False)
for ax in axes[1]:
    ax.set_xlabel("eruption duration (minutes)")
for ax in axes[:, 0]:
    ax.set_ylabel("density")
figure.savefig("old_faithful_betas.png", dpi=130)
