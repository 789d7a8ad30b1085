"""
Durations, sizes and shares: densities that end where the data must
===================================================================

You have numbers that cannot be negative, or lie between 0 and 1, and a density that does not know it.

Run: ``python examples/plot_limits.py`` (writes limits.png)

Kernel estimates and scores on the whole line put mass where no data can be, and fall towards a limit at
which the data are densest.  Say where the limits are: ``cs.ScoreMatching(x, support=(0, None))`` for one
network with its certificate, ``cs.PooledScore.fit(x, support=(0, None))`` for a pool.  Beside them what
people use: kernels, kernels with their mirror images, and kernels on logarithms, each with the bandwidth that
is best for what it leaves out.

- Concavity and standard errors of areas of 569 tumours, which are positive; zeros are left out.
- Simulated shares, whose density is infinite at 0 and zero at 1.

Held-out likelihood, 70 % to fit, five times.  The pool is best or level with the best on all three; one
network follows jumps, but a pole or a steep rise at the limit is for logarithms, which the pool has too.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer

import convexscore as cs

# One network warns where its own density and the data disagree about shares of mass.
warnings.simplefilter("ignore", UserWarning)
cancer = load_breast_cancer(as_frame=True).frame
COLUMNS = {
    "mean concavity": (cancer["mean concavity"].to_numpy(), (0.0, None)),
    "error of the area": (cancer["area error"].to_numpy(), (0.0, None)),
    "simulated shares": (np.random.default_rng(0).beta(0.6, 3.0, size=400), (0.0, 1.0)),
}


def kernels(x, images=lambda x: [x]):
    """Return the log-density of Gaussian kernels at points and their images, the bandwidth by leaving out."""

    def heights(points, h):
        steps = (points[:, None, None] - np.stack(images(x))) / h
        return logsumexp(-0.5 * steps**2, axis=1) - np.log(h * np.sqrt(2 * np.pi))

    def left_out(h):
        rows = heights(x, h)
        np.fill_diagonal(rows, -np.inf)
        return logsumexp(rows, axis=1).sum()

    h = max(np.std(x) * np.geomspace(0.02, 1.0, 25), key=left_out)
    return lambda points: logsumexp(heights(points, h), axis=1) - np.log(x.size)


def mirrored(x, support):
    low, high = support
    return kernels(x, lambda x: [x, 2 * low - x] + ([] if high is None else [2 * high - x]))


def logarithms(x, support):
    bounded = support[1] is not None
    forth = (lambda x: np.log(x / (1 - x))) if bounded else np.log
    inner = kernels(forth(x))
    return lambda points: inner(forth(points)) - np.log(points) - (np.log1p(-points) if bounded else 0)


METHODS = {
    "kernels": lambda x, support: kernels(x),
    "mirrored kernels": mirrored,
    "kernels on logarithms": logarithms,
    "one network": lambda x, support: (
        cs.solve(cs.ScoreMatching(x, support=support), "auto", skip=True).density().logpdf
    ),
    "pool": lambda x, support: cs.PooledScore.fit(x, rng=0, support=support).logpdf,
}
COLORS = dict(zip(METHODS, ("0.7", "#d9a441", "#c8553d", "#5b9aa0", "#1f3b57"), strict=True))
STYLES = dict(zip(METHODS, (":", "-.", "--", (0, (5, 1)), "-"), strict=True))

gains, outside = {}, {}
for column, (values, support) in COLUMNS.items():
    x = values[values > 0]
    line = cs.solve(x, "auto", skip=True).density()
    outside[column] = line.cdf(0.0) + (0.0 if support[1] is None else line.sf(support[1]))
    rng = np.random.default_rng(1)
    found = {name: [] for name in METHODS}
    for _ in range(5):
        order = rng.permutation(x.size)
        train, rest = np.split(x[order], [7 * x.size // 10])
        for name, fit in METHODS.items():
            found[name].append(np.mean(fit(train, support)(rest)))
    gains[column] = {name: np.mean(found[name]) - np.mean(found["mirrored kernels"]) for name in METHODS}
    print(f"{column}: on the whole line {outside[column]:.1%} of the mass is outside")
    for name, gain in gains[column].items():
        print(f"  {name:22} {gain:+.3f} nats a datum against mirrored kernels")

figure, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained", height_ratios=[2, 1])
for (upper, lower), (column, (values, support)) in zip(axes.T, COLUMNS.items(), strict=True):
    x = values[values > 0]
    top = np.quantile(x, 0.97)
    upper.hist(x[x < top], bins=30, color="0.92", weights=np.full((x < top).sum(), 30 / top / x.size))
    grid = np.linspace(1e-3 * top, top, 500)
    for name in ("kernels", "mirrored kernels", "one network", "pool"):
        density = np.exp(METHODS[name](x, support)(grid))
        upper.plot(grid, density, color=COLORS[name], ls=STYLES[name], label=name)
    below = np.linspace(-0.15 * top, -1e-3 * top, 60)
    upper.plot(below, np.exp(kernels(x)(below)), color=COLORS["kernels"], ls=STYLES["kernels"])
    upper.axvline(0, color="0.4", lw=0.8)
    upper.set(title=column, yticks=[], ylim=(0, 1.15 * upper.get_ylim()[1] / 1.05))
    names = list(METHODS)[2:]
    lower.barh(names, [gains[column][name] for name in names], color=[COLORS[name] for name in names])
    lower.axvline(0, color=COLORS["mirrored kernels"], lw=1.5)
    lower.set(xlabel="nats a datum against mirrored kernels")
    lower.invert_yaxis()
axes[0, 0].legend(frameon=False)
for ax in axes[1, 1:]:
    ax.set_yticks([])
for ax in axes.flat:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("limits.png", dpi=120)

# What is said above, loosely.
for found in gains.values():
    assert found["pool"] > max(found.values()) - 0.01
    assert found["kernels"] < 0
assert outside["mean concavity"] > 0.01
assert outside["simulated shares"] > 0.01
