"""
How many groups, and who is in which?
=====================================

You have points, suspect groups among them, and do not want to say how many there are.

Run: ``python examples/plot_mean_shift.py`` (writes mean_shift.png)

Go up along a score until it vanishes: points that end at the same mode are a group (Fukunaga & Hostetler
1975). On the line there is nothing to climb: modes are where the score crosses zero, and for the piecewise
linear score of a certified network that is a formula.  Left: the velocities of 82 galaxies.  Right:
eruptions of Old Faithful, with the ways up along a pooled score.  Rivals are scikit-learn's mean shift,
with its bandwidth, and Gaussian mixtures, their number by BIC; irises by their petals and wines in two
principal components have a truth to compare with, by the adjusted Rand index.

Mean shift with kernels is better here: it finds the three kinds of irises and of wines, and the pool splits
one kind of iris in two; mixtures by BIC split the irises in eight. On the galaxies the certified network
has two modes (and, at the first, far too little mass, which score matching does not see), the pool three,
as the rivals. No count is more than an answer to how smooth a density should be.
"""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import brentq
from sklearn.cluster import MeanShift
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

import convexscore as cs


def climb(score, X, step=0.1, n_steps=200):
    """Go up along the score, and return the whole way, from points in standard units."""
    way = [X]
    for _ in range(n_steps):
        move = step * score(way[-1])
        length = np.linalg.norm(move, axis=1, keepdims=True)
        way.append(way[-1] + move * np.minimum(1.0, 0.1 / np.maximum(length, 1e-12)))
    return np.array(way)


def by_pool(X):
    way = climb(cs.PooledScore.fit(X, rng=0), X)
    return fcluster(linkage(way[-1]), 0.1, "distance"), way


def by_kernels(X):
    return MeanShift().fit(X).labels_


def by_mixture(X):
    fits = [GaussianMixture(k, n_init=5, random_state=0).fit(X) for k in range(1, 9)]
    return min(fits, key=lambda fit: fit.bic(X)).predict(X)


RIVALS = {"mean shift": by_kernels, "Gaussian mixture": by_mixture}


def crossings(score, x):
    """Where a score on the line goes from positive to negative, between points of a grid."""
    return [float(brentq(score, a, b)) for a, b in pairwise(x) if score(a) > 0 >= score(b)]


velocities = cs.datasets.load_galaxies()["velocity_km_s"] / 1000
solution = cs.solve(velocities, "auto", skip=True)
network, points = solution.network, solution.density().breakpoints
print(solution)
# The breakpoints have all zeros among them; at a mode the score falls.
modes = [x for x in points if abs(network(x)) < 1e-9 and network(x - 1e-6) > 0 > network(x + 1e-6)]
pool, line = cs.PooledScore.fit(velocities, rng=0), np.linspace(5, 40, 701)
of_pool = crossings(pool, line)
counts = {name: np.unique(by(velocities[:, None])).size for name, by in RIVALS.items()}
print("galaxies: modes of the certified network", *(f"{x:.2f}" for x in modes), end="; ")
print("of the pool", *(f"{x:.2f}" for x in of_pool), end="; ")
print(", ".join(f"{name} {count}" for name, count in counts.items()))

iris, wine = load_iris(), load_wine()
rand = {}
for name, X, truth in (
    ("irises", iris.data[:, 2:], iris.target),
    ("wines", PCA(2).fit_transform(StandardScaler().fit_transform(wine.data)), wine.target),
):
    X = StandardScaler().fit_transform(X)
    for method, by in {"pool": lambda X: by_pool(X)[0], **RIVALS}.items():
        labels = by(X)
        rand[name, method] = adjusted_rand_score(truth, labels)
        print(f"{name} {method:16} groups {np.unique(labels).size}, Rand index {rand[name, method]:.2f}")

scaler = StandardScaler()
faithful = scaler.fit_transform(cs.datasets.load_old_faithful().data)
labels, way = by_pool(faithful)
same = adjusted_rand_score(labels, by_kernels(faithful))
print(f"eruptions: groups of {np.bincount(labels)[1:]}, Rand index with kernels {same:.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
left.hist(velocities, bins=35, range=(5, 40), density=True, color="0.88", label="82 galaxies")
left.plot(line, solution.density().pdf(line), color="#1f3b57", label="certified network")
left.plot(line, pool.pdf(line), color="#c8553d", label="pool")
left.plot(modes, solution.density().pdf(modes), "o", color="#1f3b57")
left.plot(of_pool, pool.pdf(of_pool), "o", color="#c8553d")
left.set(xlabel="velocity (1000 km/s)", ylabel="density", title="modes: zeros of the score")
left.legend(frameon=False)
ways = scaler.inverse_transform(way.reshape(-1, 2)).reshape(way.shape)
for k, color in enumerate(("#1f3b57", "#c8553d"), 1):
    right.plot(ways[:, labels == k, 0], ways[:, labels == k, 1], color=color, lw=0.4, alpha=0.5)
    right.plot(*ways[0, labels == k].T, ".", color=color, ms=4)
    right.plot(*ways[-1, labels == k][0], "o", color=color, mec="white", ms=10)
right.set(xlabel="eruption (min)", ylabel="time to the next (min)", title="ways up, and where they end")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("mean_shift.png", dpi=120)

# What is said above, loosely.
assert (len(modes), len(of_pool), solution.status) == (2, 3, "optimal")
assert labels.max() == 2
assert same > 0.95
for name in ("irises", "wines"):
    assert 0.75 < rand[name, "pool"] < rand[name, "mean shift"]
