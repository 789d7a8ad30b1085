"""
The force on a particle, from where it has been
===============================================

You have recorded a particle, a price or a membrane's voltage that is pushed by noise, and want the force in
it.

Run: ``python examples/plot_drift.py`` (writes drift.png)

In ``dX = b(X) dt + sqrt(2 D) dW`` the usual way is to average increments, ``b(x) = E[X_(t + h) - X_t | X_t
= x] / h``: in bins (Kramers and Moyal) or by local lines.  It needs recordings much finer than the
relaxation.  On the line, and wherever the force has a potential, the stationary law says the same without
any clock: ``b = D s``, ``s`` its score.  So a certified score network is the force, if ``D`` is known and
the recording stationary. Left: a double well, recorded once per unit of time.  Right: errors of all three
against the interval, the recording always 1000 units long; five recordings, their median.

Fine recordings are better served by increments, which need neither ``D`` nor stationarity: there the score
loses. It does not change with the interval, because its samples are taken one unit apart: the automatic
weight decay takes them for independent.
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

D, STEP, LENGTH = 0.25, 0.005, 1000.0
INTERVALS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
dark, red, green = "#1f3b57", "#c8553d", "#5b9aa0"


def force(x):
    return x - x**3


def recordings(n=5):
    """Simulate recordings of the double well, after 20 units in which it forgets its start."""
    rng = np.random.default_rng(0)
    x, kept = rng.choice([-1.0, 1.0], n), []
    for step in range(round((LENGTH + 20) / STEP)):
        x = x + STEP * force(x) + np.sqrt(2 * D * STEP) * rng.standard_normal(n)
        if step * STEP >= 20:
            kept.append(x)
    return np.transpose(kept)


def by_score(x, interval):
    """The certified score of points one unit apart, or the interval if that is longer."""
    solution = cs.solve(x[:: max(round(1.0 / interval), 1)], "auto", skip=True)
    return solution, lambda y: D * solution.network(y)


def by_bins(x, interval, n_bins=25):
    """Mean increments in bins, and lines between their middles."""
    edges = np.linspace(x.min(), x.max(), n_bins + 1)
    place = np.clip(np.searchsorted(edges, x[:-1], side="right") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)
    mean = np.bincount(place, np.diff(x), n_bins) / np.maximum(count, 1) / interval
    middle = 0.5 * (edges[1:] + edges[:-1])
    return lambda y: np.interp(y, middle[count > 0], mean[count > 0])


def by_local_lines(x, interval):
    """Regression of increments by a line in a Gaussian window, of Silverman's width."""
    start, rise = x[:-1], np.diff(x) / interval
    width = 1.06 * x.std() * len(x) ** -0.2

    def drift(y):
        gaps = start - np.asarray(y)[:, None]
        weight = np.exp(-0.5 * (gaps / width) ** 2)
        zero, one, two = ((weight * gaps**k).sum(axis=1) for k in range(3))
        line = weight * (two[:, None] - one[:, None] * gaps)
        return line @ rise / (zero * two - one**2)

    return drift


grid = np.linspace(-1.9, 1.9, 191)
share = np.exp((grid**2 / 2 - grid**4 / 4) / D)
share /= share.sum()


def error(drift):
    """The root mean square error under the stationary law, as a share of the force's."""
    return np.sqrt(share @ (drift(grid) - force(grid)) ** 2 / (share @ force(grid) ** 2))


fine = recordings()
names = {
    "certified score": by_score,
    "increments in bins": by_bins,
    "increments, local lines": by_local_lines,
}
styles = {name: {"color": c, "ls": ls} for name, c, ls in zip(names, (dark, red, green), "-:-", strict=True)}
errors = {name: np.empty(len(INTERVALS)) for name in names}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
axes[0].plot(grid, force(grid), color="black", lw=5, alpha=0.25, label="true force")
for k, interval in enumerate(INTERVALS):
    for name, fit in names.items():
        found = [fit(x[:: round(interval / STEP)], interval) for x in fine]
        if name == "certified score":
            solutions, found = zip(*found, strict=True)
        errors[name][k] = np.median([error(drift) for drift in found])
        if interval == 1.0:
            axes[0].plot(grid, found[0](grid), label=name, **styles[name])
    if interval == 1.0:
        print(solutions[0].certificate)
        certified = all(solution.status == "optimal" for solution in solutions)
for name, values in errors.items():
    print(f"{name:24}", "  ".join(f"{t:g}: {e:.2f}" for t, e in zip(INTERVALS, values, strict=True)))
    axes[1].loglog(INTERVALS, values, "o", label=name, **styles[name])
axes[0].set(xlabel="position", ylabel="force", ylim=(-3, 3), title="recorded once per unit of time")
axes[0].legend(frameon=False)
axes[1].set(xlabel="time between recordings", title="relative error of the force", ylim=(0.05, 1.5))
axes[1].set_xticks(INTERVALS, [f"{t:g}" for t in INTERVALS])
axes[1].set_yticks([0.1, 0.2, 0.5, 1.0], ["0.1", "0.2", "0.5", "1"])
axes[1].minorticks_off()
axes[1].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("drift.png", dpi=120)

# What is said above, loosely.
score, bins, lines = errors.values()
assert certified
assert score[0] > bins[0]
assert score[0] > lines[0]
assert score[4] < 0.6 * min(bins[4], lines[4])
assert max(score) < 0.35
