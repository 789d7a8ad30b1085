"""Ancestral sampling of eight spins with every denoiser, against the law of all 256 states.

DDPM's ancestral rule with the exact posterior mean, with those of variational inference, and with unrolled
networks, with explicit weights and trained; then each spin is drawn from the last mean.  Total variation from
the exact law, which the same number of samples of that law has too: the grey band.  A rule that freezes the
score is worse, and makes the wrong mean of mean field look better than the exact one.
Run: python examples/plot_generated_spins.py  (writes generated_spins.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.baselines import UnrolledDenoiser
from convexscore.targets import Ising

d, n = 8, 5000
i = np.arange(1, d + 1)
A = 0.3 * np.cos(np.outer(i, i)) * (1 - np.eye(d))
exact, rng = Ising(A), np.random.default_rng(0)
sigmas = np.sqrt(np.expm1(2 * np.linspace(4.0, 0.01, 21)))
states = 2.0 * (np.arange(2**d)[:, None] >> np.arange(d) & 1) - 1
law = np.exp(0.5 * np.einsum("ni,ij,nj->n", states, A, states))
law /= law.sum()


def distance(x):
    """Total variation of the shares of the states in samples from the law."""
    places = ((x > 0) @ (1 << np.arange(d))).astype(int)
    return 0.5 * np.abs(np.bincount(places, minlength=2**d) / len(x) - law).sum()


def unrolled(n_layers, n_knots):
    network = UnrolledDenoiser(A, n_layers, n_knots)
    return lambda y, sigma: network(y / np.hypot(1, sigma), 0.5 * np.log1p(sigma**2))


def trained(sigmas, n_pairs=1000):
    """An explicit network trained on pairs of its own at each level, the stop chosen on held-out pairs."""
    networks = {}
    for sigma in sigmas:
        x, t = exact.sample(n_pairs, rng), 0.5 * np.log1p(sigma**2)
        z = (x + sigma * rng.standard_normal(x.shape)) / np.hypot(1, sigma)
        start = UnrolledDenoiser(A, 3, 6)
        networks[sigma] = start.fit(x, z, t, n_iterations=8, held_out=0.2, rng=rng)
    return lambda y, sigma: networks[sigma](y / np.hypot(1, sigma), 0.5 * np.log1p(sigma**2))


def generated(denoise, rule, seed):
    y = cs.samplers.reverse(cs.from_denoiser(denoise), sigmas, n, d, rng=seed, rule=rule)
    m = denoise(y, sigmas[-1])
    return np.where(np.random.default_rng(seed).random(m.shape) < (1 + m) / 2, 1.0, -1.0)


names = {name: Ising(A, denoiser=name).denoise for name in ("exact", "naive", "tap", "amp")}
names |= {"unrolled, explicit": unrolled(4, 8), "unrolled, trained": trained}
own = np.array([distance(exact.sample(n, seed)) for seed in range(8)])
print(f"samples of the law itself: {own.mean():.3f}")
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
for ax, rule in zip(axes, ("ancestral", "frozen"), strict=True):
    for place, (name, denoise) in enumerate(names.items()):
        if rule == "frozen" and name not in ("exact", "naive"):
            continue
        found = distance(generated(trained(sigmas) if denoise is trained else denoise, rule, 1))
        print(f"{rule:<10s} {name:<19s} {found:.3f}")
        ax.plot(found, -place, "o", color="#1f3b57")
    ax.axvspan(own.min(), own.max(), color="#e4e4e4", label="samples of the law itself")
    ax.set(title=f"rule {rule!r}", xlabel="total variation from the law", xlim=(0, 0.22))
    ax.set_yticks(-np.arange(len(names)), names)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False, fontsize=8)
figure.savefig("generated_spins.png", dpi=130)
