"""
Wide networks stopped early
===========================

Gradient descent of wide networks: the U-shaped error, where to stop, and the gap to the kernel.

Left: denoising a mixture in the plane at all times, as regression on noisy labels.  The kernel's descent is
known in closed form at every step; the error of its denoiser falls and rises again.  Marked are the stops by
held-out data and by the rule of a noise level.  Right: networks approach the kernel as they widen.
Run: ``python examples/plot_wide_networks.py`` (writes wide_networks.png)
"""

import matplotlib.pyplot as plt
import numpy as np

from convexscore.baselines import DenoisingRegression, KernelDescent, train_ntk_network

means, shares, scale = np.array([[-1.0, 0.0], [1.0, 0.5]]), np.array([0.3, 0.7]), 0.3
rng = np.random.default_rng(0)


def sample(n):
    return means[rng.choice(2, size=n, p=shares)] + scale * rng.standard_normal((n, 2))


def posterior_mean(z, t):
    """E[x | z, t], exactly."""
    alpha = np.exp(-t)[:, None]
    variance = alpha**2 * scale**2 - np.expm1(-2 * t)[:, None]
    gaps = z[:, None] - alpha[:, None] * means
    weights = shares * np.exp(-0.5 * (gaps**2).sum(axis=2) / variance)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkd->nd", weights, means + (alpha * scale**2 / variance)[:, :, None] * gaps)


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
test = DenoisingRegression.from_clean(sample(2000), 2000, rng=rng)
exact = posterior_mean(test.inputs[:, :2], test.inputs[:, 2] + test.t_min)
steps = np.unique(np.geomspace(1, 10**6, 150).astype(int))
for n, color in ((200, "#c8553d"), (800, "#1f3b57")):
    train = DenoisingRegression.from_clean(sample(n), n, rng=rng)
    held_out = DenoisingRegression.from_clean(sample(n), n, rng=rng)
    descent = KernelDescent(train.inputs, train.targets)
    errors = np.mean((descent.predict(test.inputs, steps) - exact) ** 2, axis=(1, 2))
    left.loglog(steps, errors, color=color, label=f"{n} samples")
    stop = descent.hold_out(held_out.inputs, held_out.targets)
    noise = np.sqrt(np.mean((descent.predict(held_out.inputs, stop) - held_out.targets) ** 2))
    stops = [("held-out data", "o", stop), ("noise level", "s", descent.stopping_rule(noise))]
    for name, marker, k in stops:
        error = np.mean((descent.predict(test.inputs, k) - exact) ** 2)
        left.plot(max(k, 1), error, marker, color=color, label=name if n == 800 else None)
        print(f"{n} samples, {name:13}: error {error:.4f} after {k:3d} steps, least {errors.min():.4f}")
left.set(xlabel="steps", ylabel="squared error of the denoiser")
left.set_title("The error falls, then rises again: stop in time", fontsize=10)
left.legend(frameon=False, fontsize=8)

x = np.column_stack([[-1.5, -0.4, 0.2, 0.9, 2.0], np.ones(5)])
y = [0.5, -1.0, 0.3, 1.2, -0.4]
new = np.column_stack([[-2.0, 0.0, 0.55, 3.0], np.ones(4)])
limit = KernelDescent(x, y).predict(new, 100)
widths = np.array([100, 300, 1000, 3000, 10_000, 30_000])
gaps, moves = [], []
for width in widths:
    networks = [train_ntk_network(x, y, int(width), 100, rng=seed) for seed in range(8)]
    gaps.append(np.mean([np.sqrt(np.mean((network(new) - limit) ** 2)) for network in networks]))
    moves.append(np.mean([network.largest_move for network in networks]))
right.loglog(widths, gaps, "o-", color="#1f3b57", label="gap to the kernel")
right.loglog(widths, moves, "s-", color="#c8553d", label="largest move of a neuron")
right.loglog(widths, moves[0] * np.sqrt(widths[0] / widths), ":", color="gray", label="width$^{-1/2}$")
right.set(xlabel="width", ylabel="after 100 steps")
right.set_title("Wider networks move less and follow the kernel", fontsize=10)
right.legend(frameon=False, fontsize=8)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("wide_networks.png", dpi=130)
