"""
Pooled scores in the plane
==========================

Eruptions of Old Faithful, against rivals on held-out data.

Run: ``python examples/plot_pooled_plane.py [figure.png]``

272 eruptions, their length and the time to the next one.  Left the pool's density and its score, right what
five folds, held out in turn, say of it, of a Gaussian mixture chosen by BIC and of kernels chosen by
cross-validation.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

import convexscore as cs

table = cs.datasets.load_old_faithful()
faithful = np.column_stack([table["eruptions"], table["waiting"]])


def pooled(X):
    return cs.PooledScore.fit(X, rng=0).logpdf


def gaussian(X):
    return cs.PooledScore.fit(X, members=("line",), rng=0).logpdf


def mixture(X):
    fits = [GaussianMixture(k, n_init=5, random_state=0).fit(X) for k in range(1, 9)]
    return min(fits, key=lambda fit: fit.bic(X)).score_samples


def kernels(X):
    widths = {"bandwidth": np.geomspace(0.05, 1.0, 15)}
    spread = X.std(axis=0)
    best = GridSearchCV(KernelDensity(), widths, cv=5).fit(X / spread)
    return lambda x: best.best_estimator_.score_samples(x / spread) - np.log(spread).sum()


RIVALS = {"pooled score": pooled, "mixture by BIC": mixture, "kernels, CV": kernels}


def held_out(fit, X, n_folds=5):
    """The log-likelihood of each point by a fit that has not seen it."""
    fold = np.random.default_rng(0).permutation(len(X)) % n_folds
    result = np.empty(len(X))
    for k in range(n_folds):
        result[fold == k] = fit(X[fold != k])(X[fold == k])
    return result


def main(path="pooled_plane.png"):
    score = cs.PooledScore.fit(faithful, rng=0)
    print(score)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(2, 1), layout="constrained")
    axes = [np.linspace(c.min() - 0.2 * np.ptp(c), c.max() + 0.2 * np.ptp(c), 120) for c in faithful.T]
    grid = np.stack(np.meshgrid(*axes), axis=-1)
    density = score.pdf(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    levels = density.max() * np.array([0.01, 0.03, 0.1, 0.3, 0.6])
    left.contour(*axes, density, levels=levels, colors="#1f3b57", linewidths=1)
    left.plot(*faithful.T, ".", color="#c8553d", ms=4)
    coarse = grid[6::12, 6::12].reshape(-1, 2)
    seen = score.pdf(coarse) > levels[0]
    # Arrows in the units of the axes, so that they show how the density rises.
    push = score(coarse[seen]) * faithful.var(axis=0)
    left.quiver(*coarse[seen].T, *push.T, color="0.6", width=0.004, angles="xy")
    left.set(xlabel="eruption (min)", ylabel="time to the next (min)", title="density and score of the pool")
    base = held_out(gaussian, faithful).mean()
    for row, (name, fit) in enumerate(RIVALS.items()):
        gain = held_out(fit, faithful).mean() - base
        print(f"{name:15} held-out log-likelihood a point, over a Gaussian's {gain:.3f}")
        right.barh(row, gain, color="#1f3b57" if row == 0 else "0.7")
        right.text(gain / 2, row, f"{gain:.3f}", ha="center", va="center", color="w" if row == 0 else "k")
    right.set(yticks=range(len(RIVALS)), yticklabels=RIVALS, title="held-out gain over a Gaussian")
    right.set(xlabel="log-likelihood a point")
    right.invert_yaxis()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
