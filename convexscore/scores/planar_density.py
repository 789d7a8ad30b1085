"""The density of a conservative network in the plane: its potential, normalized by quadrature.

Along vertical lines the integral of ``exp U`` has a closed form (`slices`); across them a smooth function of
one variable is left, which is integrated by Gauss-Legendre quadrature on panels that are halved until
halves and whole agree.  What they differ by is reported.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.records import save_object
from .._support.seeds import generator
from .._support.shorthands import Shown, paragraph
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_numbers, shown
from ..activations import activation_name, get_activation
from ..errors import ConvergenceError, NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from ..numerics.integrals import unit_quadrature
from .slices import Slices

__all__ = ["ConservativeDensity"]

# Quadratic and linear parts of the potential far out below these shares of their sums' sizes are zero.
_QUADRATIC, _LINEAR = 1e-12, 1e-10
# Lines where the marginal's logarithm is this far below its maximum have no mass.
_NEGLIGIBLE = 50.0
# Nodes of a panel, the error asked for as a share of the mass, and the most panels.
_NODES, _ACCURACY, _MOST_PANELS = 10, 1e-10, 20_000
# Crossings of kinks that the first panels end at.
_MOST_CROSSINGS = 200


class ConservativeDensity(Frozen, Shown):
    """The density proportional to ``exp U`` of a conservative network with two features.

    Parameters
    ----------
    network : ConservativeNetwork
        The network; its potential has to fall in every direction.

    Attributes
    ----------
    log_normalizer : float
        Logarithm of the integral of ``exp U``, ``U`` the network's `potential`.
    error : float
        Estimate of the error of `log_normalizer`: of the quadrature, not a bound.

    Raises
    ------
    TypeError, ValueError
        If `network` is no conservative network with two features.
    NotNormalizableError
        If the potential does not fall in some direction, which the message names.
    ConvergenceError
        If the quadrature does not end.

    See Also
    --------
    ScoreDensity : The density of a score on the line.
    ConservativeNetwork : The network that is the gradient of its logarithm.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> net = cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [1.0, 0.0], [[-1.0, 0.0], [0.0, -4.0]])
    >>> p = cs.ConservativeDensity(net)
    >>> bool(abs(p.log_normalizer - (np.log(2 * np.pi / 2) + 0.5)) < 1e-9), p.error < 1e-8
    (True, True)
    >>> p.sample(3, rng=0).shape
    (3, 2)
    """

    def __init__(self, network: ConservativeNetwork) -> None:
        if not isinstance(network, ConservativeNetwork):
            raise TypeError(f"network: expected a ConservativeNetwork, got {shown(network)}")
        if network.n_features != 2:
            raise ValueError(f"network: expected 2 features, got {network.n_features}")
        _require_decay(network)
        self.network = network
        self._slices = Slices(network)
        self._integrate(*self._first_panels())
        self.freeze_arrays()

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log p`` at points of shape ``(n, 2)``, shape ``(n,)``."""
        return self.network.potential(x) - self.log_normalizer

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return ``p`` at points of shape ``(n, 2)``, shape ``(n,)``."""
        return np.exp(self.logpdf(x))

    def log_ratio(self, x: ArrayLike, y: ArrayLike) -> FloatArray:
        """Return ``log p(x) - log p(y)`` for pairs of points: no normalizer, so no error of one."""
        x, y = as_numbers("x", x), as_numbers("y", y)
        if x.shape != y.shape:
            raise ValueError(f"y: expected the shape of x, {x.shape}, got {y.shape}")
        return self.network.potential(x) - self.network.potential(y)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the density to an NPZ file (no pickle); `load` opens it."""
        save_object(path, self, log_normalizer=self.log_normalizer, error=self.error)

    def _stored(self) -> dict[str, Any]:
        return {"network": self.network}

    def sample(self, n: int, *, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples, up to the error of the quadrature.

        Parameters
        ----------
        n : int
            Number of samples.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n, 2)
        """
        count = as_size("n", n, each=2)
        source = generator(rng, "ConservativeDensity.sample")
        draws = source.random((2, count))
        shares = np.cumsum(self._masses)
        panel = np.minimum(np.searchsorted(shares, draws[0] * shares[-1]), len(shares) - 1)
        t = self._low[panel] + self._width[panel] * _inverse(self._values[panel], draws[1])
        y = self._slices.sample(t, source) if count else t
        return np.column_stack([t, y]) + self.network.origin

    def mean(self) -> FloatArray:
        """Return ``E[X]``, shape ``(2,)``, by quadrature like the normalizer's."""
        return self._moments[0].copy()

    def covariance(self) -> FloatArray:
        """Return ``E[(X - E X)(X - E X)']``, shape ``(2, 2)``, by quadrature like the normalizer's."""
        return self._moments[1].copy()

    def __repr__(self) -> str:
        mean = self.mean()
        return paragraph(
            "ConservativeDensity",
            f"mean ({mean[0]:.6g}, {mean[1]:.6g}), logarithm of the normalizer {self.log_normalizer:.10g} "
            f"with an error of about {self.error:.2g}; network of {self.network.n_neurons} "
            f"{activation_name(self.network.activation)} neurons",
        )

    @cached_property
    def _moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and covariance, from the marginals along both axes and between them."""
        root = np.sqrt(0.5)
        turns = ([[0.0, 1.0], [-1.0, 0.0]], [[root, root], [-root, root]])
        turned = [ConservativeDensity(_turned(self.network, np.array(R))) for R in turns]
        (a, p), (b, q), (_, r) = (density._along() for density in (self, *turned))
        # Var((X + Y) / sqrt 2) = (Var X + Var Y) / 2 + Cov(X, Y).
        between = r - 0.5 * (p + q)
        mean, covariance = np.array([a, b]) + self.network.origin, np.array([[p, between], [between, q]])
        return mean, covariance

    def _along(self) -> tuple[float, float]:
        """Return mean and variance of the first coordinate, from the network's origin."""
        nodes, weights = unit_quadrature(_NODES)
        t = self._low[:, None] + self._width[:, None] * nodes
        mass = self._width[:, None] * self._values * weights / self._masses.sum()
        mean = float(np.sum(mass * t))
        return mean, float(np.sum(mass * (t - mean) ** 2))

    def _first_panels(self) -> tuple[FloatArray, float]:
        """Return the ends of panels that hold all mass, and the largest logarithm of the marginal there."""
        log_marginal = self._slices.log_marginal
        crossings = _crossings(self.network)
        step = 0.25 / np.sqrt(self._slices.size)
        centre, reach = 0.0, step
        if crossings.size:
            reach = max(float(np.abs(crossings).max()), step)
        for _ in range(2):
            # Geometric steps out of the centre: as far as there is mass, and past all crossings of kinks.
            count = 2 * int(np.ceil(np.log2(2 * (reach + abs(centre)) / step))) + 40
            steps = step * 2.0 ** (0.5 * np.arange(min(count, 600)))
            points = np.unique(np.concatenate([centre - steps, [centre], centre + steps, crossings]))
            logs = log_marginal(points)
            centre = self._peak(points, logs)
        top = float(max(logs.max(), log_marginal(np.array([centre]))[0]))
        held = np.flatnonzero(logs > top - _NEGLIGIBLE)
        low, high = max(held[0] - 1, 0), min(held[-1] + 1, len(points) - 1)
        if max(logs[0], logs[-1]) > top - _NEGLIGIBLE:
            raise ConvergenceError("the mass of the density reaches too far to be integrated")
        return points[low : high + 1], top

    def _peak(self, points: FloatArray, logs: FloatArray) -> float:
        """Return a place where the marginal is large: between the neighbours of the best of some points."""
        for _ in range(12):
            best = int(np.argmax(logs))
            low, high = points[max(best - 1, 0)], points[min(best + 1, len(points) - 1)]
            points = np.unique(np.append(np.linspace(low, high, 21), points[best]))
            logs = self._slices.log_marginal(points)
        return float(points[np.argmax(logs)])

    def _integrate(self, ends: FloatArray, top: float) -> None:
        """Halve panels until halves and whole agree."""
        nodes, weights = unit_quadrature(_NODES)

        def values_on(low: FloatArray, width: FloatArray) -> FloatArray:
            t = low[:, None] + width[:, None] * nodes
            return np.exp(self._slices.log_marginal(t.ravel()) - top).reshape(t.shape)

        low, width = ends[:-1], np.diff(ends)
        whole = width * (values_on(low, width) @ weights)
        done: list[tuple[FloatArray, FloatArray, FloatArray]] = []
        mass, off, n_panels = 0.0, 0.0, 0
        while low.size:
            n_panels += 2 * low.size
            if n_panels > _MOST_PANELS:
                raise ConvergenceError("the quadrature of the density does not end")
            half = 0.5 * width
            parts = np.stack([values_on(low, half), values_on(low + half, half)], axis=1)
            masses = half[:, None] * (parts @ weights)
            error = np.abs(masses.sum(axis=1) - whole)
            total = mass + masses.sum()
            # Each panel may be off by its share, or by a small part of the whole.
            fine = error <= _ACCURACY * np.maximum(masses.sum(axis=1), 1e-2 * total)
            fine |= half <= 1e-14 * (np.abs(low) + width)
            starts = np.stack([low, low + half], axis=1)
            halves = np.stack([half, half], axis=1)
            done.append((starts[fine].ravel(), halves[fine].ravel(), parts[fine].reshape(-1, _NODES)))
            mass, off = mass + masses[fine].sum(), off + error[fine].sum()
            low, width, whole = (part[~fine].ravel() for part in (starts, halves, masses))
        order = np.argsort(np.concatenate([part[0] for part in done]))
        self._low, self._width, self._values = (
            np.concatenate([part[i] for part in done])[order] for i in range(3)
        )
        self._masses = self._width * (self._values @ weights)
        self.log_normalizer = top + float(np.log(mass))
        rounding = 1e-15 * self._slices.size * float(np.abs(ends).max()) ** 2
        self.error = float(off / mass) + 1e-13 + rounding


def _turned(network: ConservativeNetwork, R: FloatArray) -> ConservativeNetwork:
    """Return the network, seen from its origin, of points ``R x``."""
    return ConservativeNetwork(
        network.directions @ R.T,
        network.offsets,
        network.coefficients,
        R @ network.b2,
        R @ network.S @ R.T,
        activation=network.activation,
    )


def _inverse(values: FloatArray, share: FloatArray) -> FloatArray:
    """Return where in each panel a share of its mass is reached, from the values at its nodes."""
    nodes, _ = unit_quadrature(_NODES)
    basis = legendre.legvander(2 * nodes - 1, _NODES - 1)
    coefficients = np.linalg.solve(basis, values.T)
    integral = legendre.legint(coefficients, lbnd=-1)
    total = np.sum(integral, axis=0)
    low, high = np.zeros_like(share), np.ones_like(share)
    for _ in range(50):
        middle = 0.5 * (low + high)
        reached = np.sum(legendre.legvander(2 * middle - 1, _NODES).T * integral, axis=0)
        below = reached < share * total
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _crossings(network: ConservativeNetwork) -> FloatArray:
    """Return first coordinates at which kinks cross or are vertical, all or some spread over them."""
    u, b = network.directions, network.offsets
    i, j = np.triu_indices(len(b), 1)
    determinant = u[i, 0] * u[j, 1] - u[i, 1] * u[j, 0]
    with np.errstate(all="ignore"):
        meeting = (u[i, 1] * b[j] - u[j, 1] * b[i]) / determinant
        vertical = np.where(np.abs(u[:, 1]) < 1e-9 * np.abs(u[:, 0]), -b / u[:, 0], np.nan)
    found = np.concatenate([meeting, vertical])
    found = np.unique(found[np.isfinite(found) & (np.abs(found) < 1e12)])
    if found.size > _MOST_CROSSINGS:
        found = found[np.linspace(0, found.size - 1, _MOST_CROSSINGS).astype(int)]
    return found


def _require_decay(network: ConservativeNetwork) -> None:
    """Raise unless ``U`` falls along every ray: quadratically, or where it does not bend, linearly.

    Far out in the direction ``r`` the potential is ``t^2 q(r) / 2 + t l(r)``, with ``q`` a quadratic and
    ``l`` a linear form on each arc between directions of kinks; both are continuous.
    """
    u, b, a = network.directions, network.offsets, network.coefficients
    left = get_activation(network.activation).left_slope
    along = np.arctan2(u[:, 1], u[:, 0])
    ends = np.concatenate([along + np.pi / 2, along - np.pi / 2, 0.1 + np.arange(4) * np.pi / 2])
    ends = np.unique(ends % (2 * np.pi))
    low, high = ends, np.append(ends[1:], ends[0] + 2 * np.pi)
    middle = 0.5 * (low + high)
    slope = np.where(np.stack([np.cos(middle), np.sin(middle)], axis=1) @ u.T > 0, 1.0, left) * a
    M = network.S + np.einsum("rk,ki,kj->rij", slope, u, u)
    g = network.b2 + (slope * b) @ u
    length = np.hypot(u[:, 0], u[:, 1])
    steep = _QUADRATIC * (np.abs(network.S).sum() + np.abs(a) @ length**2)
    flat = _LINEAR * (np.abs(network.b2).sum() + np.abs(a * b) @ length)

    def inside(angle: FloatArray) -> FloatArray:
        """Return an angle, up to whole turns, if it is on the arc, else an end of the arc."""
        return np.clip(angle + 2 * np.pi * np.ceil((low - angle) / (2 * np.pi)), low, high)

    # On an arc a quadratic form is largest at an end or where it is stationary, and so is a linear one.
    top = 0.5 * np.arctan2(M[:, 0, 1] + M[:, 1, 0], M[:, 0, 0] - M[:, 1, 1])
    angles = np.stack([low, high, inside(top), inside(top + np.pi), inside(np.arctan2(g[:, 1], g[:, 0]))])
    r = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    bend, fall = np.einsum("ari,rij,arj->ar", r, M, r), np.einsum("ari,ri->ar", r, g)
    bad = (bend > steep) | ((bend >= -steep) & (fall >= -flat))
    if bad.any():
        worst = r[np.unravel_index(np.argmax(np.where(bad, bend, -np.inf)), bad.shape)] + 0.0
        raise NotNormalizableError(
            "network: expected a potential that falls in every direction, got one that does not fall far out "
            f"in the direction ({worst[0]:.6g}, {worst[1]:.6g}): it has no density"
        )
