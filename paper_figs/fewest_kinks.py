"""The best networks with one, two or three neurons, by exhaustive search, and greedy pruning.

Score matching, ReLU with skip, distinct data on the line.  A neuron is a kink of height ``a`` at ``t``;
which side it looks to is a matter of the skip connection.  With bias and skip eliminated the loss is

    -n / (2 v) + 1/2 |P sum_k a_k (x - t_k)_+|^2 + sum_k (c(t_k) - x'(x - t_k)_+ / v) a_k + beta sum_k |a_k|,

``x`` centred, ``v`` the variance, ``P`` the projection off constants and lines, ``c`` the number of points
whose slope counts: right of ``t``, and at a data point either convention, so that a rising kink leaves the
point out and a falling one takes it in.

**What the search covers.** Every network.  For a kink between two neighbouring data, ``a (x - t)_+`` is on
the data ``a (x - u)_+ + g 1[x > u]``, ``u`` their midpoint: linear in ``(a, g)``, with ``|g| <= |a| width /
2``.  So for each choice of closed cells and signs the loss is a convex quadratic, bounded below, on a
polyhedron without lines, and its optimal points, a polyhedron too, have an extreme one.  There the kinks
strictly inside cells have free ``g``, the others stand on data, and the columns of all that is free are
independent, or one could move both ways.  Hence the best network is among the stationary points of the sets
of *places* (data points, and insides of cells) with independent columns: those whose neighbours in the
order ``x_1, (x_1, x_2), x_2, ...`` are at least two steps apart, and one more for each of the two that is
the inside of a cell.  The ends of the data and the outermost cells add nothing for ``beta >= 1``.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from convexscore import ScoreMatching
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.reconstruction import Atoms, network_of_atoms

PART = 20_000


@dataclass(frozen=True)
class Kinks:
    """A network by its kinks: positions, heights, and the loss at the best bias and skip."""

    position: np.ndarray
    height: np.ndarray
    value: float


@dataclass(frozen=True)
class Places:
    """The search's tables; place ``2 j`` is data point ``j``, and ``2 j + 1`` the inside of the next cell.

    Columns of data points come first, then those of heights in cells, then those of their moves ``g``.
    """

    x: np.ndarray
    beta: float

    def __post_init__(self):
        x = np.asarray(self.x, dtype=float)
        if x.ndim != 1 or x.size < 3 or not np.all(np.diff(x) > 0):
            raise ValueError(f"x: expected at least three ascending distinct numbers, got shape {x.shape}")
        if self.beta < 1:
            raise ValueError(f"beta: expected at least 1, got {self.beta}")
        object.__setattr__(self, "x", x)

    @property
    def line_value(self):
        """The value without neurons."""
        return -self.x.size / (2 * self.x.var())

    @cached_property
    def usable(self):
        """The places that can better a network, ascending."""
        n = self.x.size
        inside = 2 * np.arange(2, n - 1) - 1
        return np.sort(np.concatenate([2 * np.arange(1, n - 1), inside]))

    @cached_property
    def _tables(self):
        """Gram matrix of the projected columns, and the linear terms of falling and rising kinks."""
        x = self.x
        middle = (x[1:] + x[:-1]) / 2
        knots = np.concatenate([x, middle])
        columns = np.maximum(x[:, None] - knots, 0)
        columns = np.hstack([columns, (x[:, None] > middle).astype(float)])
        centred = x - x.mean()
        pull = centred @ columns / x.var()
        columns -= columns.mean(axis=0)
        columns -= np.outer(centred, centred @ columns) / (centred @ centred)
        rising = (x[:, None] > knots).sum(axis=0)
        falling = (x[:, None] >= knots).sum(axis=0)
        none = np.zeros(middle.size)
        linear = [
            np.concatenate([counts + sign * self.beta, none]) - pull
            for sign, counts in ((-1, falling), (1, rising))
        ]
        return columns.T @ columns, np.array(linear)

    def sets(self, m):
        """Return all sets of `m` usable places with independent columns, shape ``(n_sets, m)``."""
        chosen = np.array(list(combinations(self.usable, m)), dtype=int).reshape(-1, m)
        cells = chosen % 2
        return chosen[np.all(np.diff(chosen) >= 2 + cells[:, 1:] + cells[:, :-1], axis=1)]

    def best(self, m):
        """Return the best network with exactly `m` kinks, None if no `m` kinks are stationary."""
        if m == 0:
            return Kinks(np.zeros(0), np.zeros(0), self.line_value)
        found = None
        sets = self.sets(m)
        kinds = sets % 2
        for kind in np.unique(kinds, axis=0):
            of_kind = sets[np.all(kinds == kind, axis=1)]
            for start in range(0, len(of_kind), PART):
                found = self._better(found, of_kind[start : start + PART], kind == 1)
        return found

    def _better(self, found, sets, cells):
        """Return the best of `found` and the stationary points of sets of one kind with all signs."""
        n, m = self.x.size, sets.shape[1]
        index = sets // 2 + n * cells
        index = np.hstack([index, n - 1 + index[:, cells]])
        gram, linear = self._tables
        signs = np.array(np.meshgrid(*[[-1, 1]] * m, indexing="ij")).reshape(m, -1)
        # A move's linear term does not depend on the sign.
        rows = np.vstack([(signs > 0).astype(int), np.zeros((index.shape[1] - m, signs.shape[1]), dtype=int)])
        pull = -linear[rows, index[:, :, None]]
        solved = np.linalg.solve(gram[index[:, :, None], index[:, None, :]], pull)
        heights, moves = solved[:, :m], solved[:, m:]
        width = np.diff(self.x)[sets[:, cells] // 2]
        allowed = np.all(heights * signs > 0, axis=1)
        allowed &= np.all(np.abs(moves) <= np.abs(heights[:, cells]) * width[:, :, None] / 2, axis=1)
        values = np.where(allowed, -0.5 * np.sum(pull * solved, axis=1), np.inf)
        where = np.unravel_index(np.argmin(values), values.shape)
        value = self.line_value + values[where]
        if not np.isfinite(value) or (found is not None and found.value <= value):
            return found
        height = heights[where[0], :, where[1]]
        position = self.x[sets[where[0]] // 2].copy()
        middle = (self.x[sets[where[0], cells] // 2] + self.x[sets[where[0], cells] // 2 + 1]) / 2
        position[cells] = middle - moves[where[0], :, where[1]] / height[cells]
        return Kinks(position, height, float(value))

    def pruned(self, position, height):
        """Take the kinks of a network at data points away one by one, the least missed first.

        Places and signs are kept, heights optimized anew each time.

        Returns
        -------
        list of Kinks
            One network for each number of neurons from 0 to that given.
        """
        index = np.searchsorted(self.x, position)
        signs = np.sign(height)
        networks = [self._on_knots(index, signs)]
        while index.size:
            tried = [self._on_knots(np.delete(index, k), np.delete(signs, k)) for k in range(index.size)]
            least = int(np.argmin([network.value for network in tried]))
            index, signs = np.delete(index, least), np.delete(signs, least)
            networks.append(tried[least])
        return networks[::-1]

    def _on_knots(self, index, signs):
        """Return the best network with kinks at some data points, of given signs or zero."""
        if index.size == 0:
            return self.best(0)
        gram, linear = self._tables
        root = np.linalg.cholesky(signs[:, None] * gram[np.ix_(index, index)] * signs)
        pull = -signs * linear[(signs > 0).astype(int), index]
        size, _ = nnls(root.T, solve_triangular(root, pull, lower=True))
        value = self.line_value + 0.5 * np.sum((root.T @ size) ** 2) - pull @ size
        return Kinks(self.x[index], signs * size, float(value))

    def network(self, kinks):
        """Return `kinks` as a network: each counts the smaller slope at its own data point."""
        hinges = np.maximum(self.x[:, None] - kinks.position, 0) @ kinks.height
        centred = self.x - self.x.mean()
        skip = -(self.x.size + centred @ hinges) / (self.x.size * self.x.var())
        # Every kink is right of the first point.
        first = -np.mean(hinges) + skip * centred[0]
        program = UnivariateProgram.from_objective(ScoreMatching(self.x), skip=True)
        rightwards = np.ones(kinks.position.size)
        return network_of_atoms(program, Atoms(kinks.position, kinks.height, rightwards), skip, first)


def best_networks(places, most):
    """Return the best networks with at most 0, 1, ... `most` neurons."""
    networks = [places.best(0)]
    for m in range(1, most + 1):
        found = places.best(m)
        networks.append(found if found is not None and found.value < networks[-1].value else networks[-1])
    return networks
