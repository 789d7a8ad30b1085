"""
Reverse diffusion against its number of steps
=============================================

Total variation and relative entropy, measured and proved.

The law that each rule makes of a mixture is computed on a grid, without Monte Carlo error.  Girsanov's
theorem bounds it with no constant left open; the bound falls like one over the number of steps, the entropy
faster.
Run: ``python examples/plot_reverse_convergence.py`` (writes reverse_convergence.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.samplers.grid import GridLaw, reverse_law
from convexscore.scores.changes_of_variables import vp
from convexscore.theory import girsanov_kl

mixture = cs.targets.GaussianMixture([0.2, 0.8], [-2.0, 2.0], 0.5)
# Wide, because ten steps overshoot.
grid = np.linspace(-14, 14, 801)
# The law at the last noise level, in the coordinate of the grid, is what the samplers aim at.
most, least = np.sqrt(np.expm1(10.0)), 0.15
target = GridLaw.of(lambda z: mixture.logpdf(np.hypot(1, least) * z, least), grid)
normal = GridLaw.of(lambda z: -(z**2) / 2, grid)


def law_at(t):
    return GridLaw.of(lambda z: mixture.logpdf(np.exp(t) * z, np.sqrt(np.expm1(2 * t))), grid)


def fisher(t):
    return law_at(t).expect(vp(mixture.score)(grid, t) ** 2)


settings = [
    ("log", "frozen", "#1f3b57", "o"),
    ("log", "ancestral", "#5b9aa0", "s"),
    ("log", "euler", "#c8553d", "^"),
    ("ou-uniform", "frozen", "#8a8a8a", "D"),
]
numbers = np.array([10, 20, 40, 80, 160])
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for kind, rule, color, marker in settings:
    variation, entropy = [], []
    for n_steps in numbers:
        sigmas = cs.samplers.sigma_grid(most, least, n_steps + 1, kind)
        made = reverse_law(mixture.score, sigmas, grid, rule)
        variation.append(target.tv(made))
        entropy.append(target.kl(made))
    name = f"{rule}, steps uniform in {'log sigma' if kind == 'log' else 'time'}"
    print(
        f"{name:<38s} TV {variation[0]:.3f} .. {variation[-1]:.4f}   KL {entropy[0]:.3f} .. {entropy[-1]:.2e}"
    )
    for ax, values in zip(axes, (variation, entropy), strict=True):
        ax.loglog(numbers, values, marker + "-", color=color, label=name, markersize=5)

bounds = []
for n_steps in numbers:
    times = 0.5 * np.log1p(cs.samplers.sigma_grid(most, least, n_steps + 1) ** 2)
    bounds.append(girsanov_kl(times, fisher, law_at(times[0]).kl(normal)))
proved = np.array(bounds)
print(f"proved for frozen, log sigma: KL at most {proved[0]:.3f} .. {proved[-1]:.3f}")
for ax, values in zip(axes, (np.sqrt(proved / 2), proved), strict=True):
    ax.loglog(numbers, values, "--", color="#1f3b57", label="Girsanov bound of frozen, log sigma")
for ax, title in zip(axes, ("total variation", "relative entropy KL(target | made), nats"), strict=True):
    ax.set(xlabel="number of steps", title=title)
    ax.set_xticks(numbers, [str(n) for n in numbers], minor=False)
    ax.set_xticks([], minor=True)
    ax.spines[["top", "right"]].set_visible(False)
axes[1].legend(frameon=False, fontsize=8, loc="lower left")
figure.savefig("reverse_convergence.png", dpi=130)
