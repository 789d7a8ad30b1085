"""
Variational denoisers of spins
==============================

Denoisers of spins against their number: right for many weak couplings, or never right.

The mean square error of posterior means, against exact ones, at one noise level.  On the Curie-Weiss model,
couplings all .6 / d, mean field is right in the limit and its error falls like 1 / d^2.  On a spin glass, of
couplings of random signs and the same size .6 / sqrt(d), it is never right: Onsager's correction is missing.
The equations of Thouless, Anderson and Palmer have it, and message passing finds their solution.
Run: ``python examples/plot_variational_denoisers.py`` (writes variational_denoisers.png)
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.targets import CurieWeiss, Ising

SIGMA, STRENGTH = np.sqrt(np.expm1(1.0)), 0.6
DENOISERS = {
    "naive": ("#c8553d", "o", "naive mean field"),
    "tap": ("#5b9aa0", "s", "TAP"),
    "amp": ("#1f3b57", "^", "message passing"),
}
rng = np.random.default_rng(0)


def errors(exact, couplings, n):
    """Mean square errors of the denoisers at noisy samples of the law itself."""
    x = exact.sample(n, rng)
    y = x + SIGMA * rng.standard_normal(x.shape)
    mean = exact.denoise(y, SIGMA)
    with warnings.catch_warnings():
        # Mean field warns where its free energy is not convex.
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        return [
            np.mean((Ising(couplings, denoiser=name).denoise(y, SIGMA) - mean) ** 2) for name in DENOISERS
        ]


def glass(d):
    noise = rng.standard_normal((d, d))
    return STRENGTH * (noise + noise.T) / np.sqrt(2 * d)


many = np.array([4, 8, 16, 32, 64, 128, 256, 512])
equal = np.array([errors(CurieWeiss(d, STRENGTH), np.full((d, d), STRENGTH / d), 100) for d in many])
few = np.array([4, 6, 8, 10, 12, 14])
random = np.array(
    [np.mean([errors(Ising(A), A, 10) for A in (glass(d) for _ in range(40))], axis=0) for d in few]
)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
for ax, sizes, values in zip(axes, (many, few), (equal, random), strict=True):
    for (color, marker, label), column in zip(DENOISERS.values(), values.T, strict=True):
        ax.loglog(sizes, column, marker + "-", color=color, label=label, markersize=5)
    ax.set_xlabel("number of spins d")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].loglog(many, equal[2, 0] * (many / 16.0) ** -2, ":", color="#8a8a8a", label="1 / d^2")
for ax, sizes in zip(axes, (many, few), strict=True):
    ax.set_xticks(sizes, [str(d) for d in sizes])
    ax.set_xticks([], minor=True)
axes[0].set(title="Curie-Weiss, couplings .6 / d", ylabel="mean square error of the posterior mean")
axes[1].set_title("spin glass, couplings of size .6 / sqrt(d)")
axes[0].legend(frameon=False)
figure.savefig("variational_denoisers.png", dpi=130)
for title, sizes, values in (("Curie-Weiss", many, equal), ("spin glass", few, random)):
    for name, column in zip(DENOISERS, values.T, strict=True):
        slope = np.polyfit(np.log(sizes), np.log(column), 1)[0]
        print(f"{title:<12s} {name:<6s} {column[0]:.1e} .. {column[-1]:.1e}  slope {slope:+.2f}")
