"""
Annealed Langevin dynamics
==========================

Annealed Langevin sampling with one certified denoising solve a noise level.

Langevin dynamics at the smallest noise level alone keeps the share of the modes it started with;
annealing from a large noise level finds the shares of the data.
Run: ``python examples/plot_annealed_langevin.py`` (writes annealed_langevin.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

eruptions = cs.datasets.load_old_faithful()["eruptions"]
sigmas = np.geomspace(3.0, 0.15, 10)
networks = {}
for level, sigma in enumerate(sigmas):
    objective = cs.DenoisingScoreMatching.from_clean(eruptions, sigma, n_draws=20, rng=level)
    # Residuals of the summed loss have size sqrt(n) / sigma: so has a sensible weight decay.
    beta = 2.0 * np.sqrt(len(objective.X))
    solution = cs.solve(objective, beta, "relu", skip=True)
    networks[sigma] = solution.network
    print(f"sigma {sigma:5.2f}  neurons {solution.network.n_neurons:2d}  gap {solution.certificate.gap:8.1e}")


def score(y, sigma):
    return networks[sigma](y)


rng = np.random.default_rng(0)
start = 10.0 + 0.1 * rng.standard_normal(10_000)
h = 0.1 * sigmas[-1] ** 2
plain = cs.samplers.langevin(networks[sigmas[-1]], start, h, 1000, rng=rng)
annealed = cs.samplers.annealed_langevin(score, start, sigmas, r=0.1, n_steps=100, rng=rng, denoise=True)

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharex=True, sharey=True, layout="constrained")
for ax, samples, title in zip(axes, (plain, annealed), ("Langevin", "annealed Langevin"), strict=True):
    short = np.mean(samples < 3)
    ax.hist(eruptions, bins=40, range=(0.5, 6), density=True, color="#b9c6d2", label="data")
    ax.hist(samples, bins=80, range=(0.5, 6), density=True, histtype="step", color="#1f3b57", label="samples")
    ax.set_title(f"{title}: {short:.0%} short eruptions (data {np.mean(eruptions < 3):.0%})")
    ax.set_xlabel("eruption duration (minutes)")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("density")
axes[0].legend(frameon=False)
figure.savefig("annealed_langevin.png", dpi=130)
