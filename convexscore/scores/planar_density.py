"""The density of a conservative network in the plane: its potential, normalized by quadrature.

Along vertical lines the integral of ``exp U`` has a closed form (`slices`); across them a smooth function of
one variable is left, which is integrated by Gauss-Legendre quadrature on panels that are halved until
halves and whole agree.  What they differ by is reported.  Data with limits have a density on a box
(`regions`), and its lines end at the limits.
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
from .._support.shorthands import Shown, limits_shown, paragraph
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_numbers, shown
from ..activations import activation_name
from ..errors import ConvergenceError
from ..networks.conservative import ConservativeNetwork
from ..numerics.integrals import unit_quadrature
from ..objectives.support import Box, as_box
from .fall import require_decay
from .regions import Region
from .slices import Slices

__all__ = ["ConservativeDensity"]

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
    support : list of two pairs of floats, optional
        Limits of each feature outside which the density is zero, ``(low, high)``, None (or infinite) where
        there is none; it is normalized between them, and the potential has to fall in directions without
        limit only.

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

    With limits it is that of two independent exponential laws:

    >>> net = cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [-1.0, -2.0], np.zeros((2, 2)))
    >>> p = cs.ConservativeDensity(net, support=[(0, None), (0, None)])
    >>> p.mean().round(6).tolist(), p.pdf([[-1.0, 1.0], [0.0, 0.0]]).round(6).tolist()
    ([1.0, 0.5], [0.0, 2.0])
    """

    def __init__(self, network: ConservativeNetwork, support: Any = None) -> None:
        if not isinstance(network, ConservativeNetwork):
            raise TypeError(f"network: expected a ConservativeNetwork, got {shown(network)}")
        if network.n_features != 2:
            raise ValueError(f"network: expected 2 features, got {network.n_features}")
        self._box = as_box("support", support, 2)
        region = None if self._box is None else Region.of_box(self._box, network.origin)
        require_decay(network, region)
        self._prepare(network, region)

    def _prepare(self, network: ConservativeNetwork, region: Region | None) -> None:
        self.network, self._region = network, region
        self._slices = Slices(network, region)
        self._integrate(*self._first_panels())
        self.freeze_arrays()

    def support(self) -> Box:
        """Return the ends of the support of each feature, infinite without limits."""
        return self._box or ((-np.inf, np.inf), (-np.inf, np.inf))

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log p`` at points of shape ``(n, 2)``, shape ``(n,)``."""
        return self._potential(x) - self.log_normalizer

    def _potential(self, x: ArrayLike) -> FloatArray:
        """Return the potential, minus infinity outside the support."""
        found = self.network.potential(x)
        if self._box is None:
            return found
        low, high = np.array(self._box).T
        points = as_numbers("x", x)
        return np.where(((points < low) | (points > high)).any(axis=1), -np.inf, found)

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return ``p`` at points of shape ``(n, 2)``, shape ``(n,)``."""
        return np.exp(self.logpdf(x))

    def log_ratio(self, x: ArrayLike, y: ArrayLike) -> FloatArray:
        """Return ``log p(x) - log p(y)`` for pairs of points: no normalizer, so no error of one.

        NaN where both are outside the support.
        """
        x, y = as_numbers("x", x), as_numbers("y", y)
        if x.shape != y.shape:
            raise ValueError(f"y: expected the shape of x, {x.shape}, got {y.shape}")
        with np.errstate(invalid="ignore"):
            return self._potential(x) - self._potential(y)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the density to an NPZ file (no pickle); `load` opens it."""
        save_object(path, self, log_normalizer=self.log_normalizer, error=self.error)

    def _stored(self) -> dict[str, Any]:
        return {"network": self.network, "support": self._box}

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
        drawn = np.column_stack([t, y]) + self.network.origin
        # Rounding may have carried some past a limit.
        return np.clip(drawn, *np.array(self.support()).T)

    def mean(self) -> FloatArray:
        """Return ``E[X]``, shape ``(2,)``, by quadrature like the normalizer's."""
        return self._moments[0].copy()

    def covariance(self) -> FloatArray:
        """Return ``E[(X - E X)(X - E X)']``, shape ``(2, 2)``, by quadrature like the normalizer's."""
        return self._moments[1].copy()

    def __repr__(self) -> str:
        mean = self.mean()
        limits = "" if self._box is None else f"on {limits_shown(self._box)}, "
        return paragraph(
            "ConservativeDensity",
            f"{limits}mean ({mean[0]:.6g}, {mean[1]:.6g}), "
            f"logarithm of the normalizer {self.log_normalizer:.10g} with an error of about "
            f"{self.error:.2g}; network of {self.network.n_neurons} "
            f"{activation_name(self.network.activation)} neurons",
        )

    @cached_property
    def _moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and covariance, from the marginals along both axes and between them."""
        root = np.sqrt(0.5)
        turns = ([[0.0, 1.0], [-1.0, 0.0]], [[root, root], [-root, root]])
        turned = [self._turned(np.array(R)) for R in turns]
        (a, p), (b, q), (_, r) = (density._along() for density in (self, *turned))
        # Var((X + Y) / sqrt 2) = (Var X + Var Y) / 2 + Cov(X, Y).
        between = r - 0.5 * (p + q)
        mean, covariance = np.array([a, b]) + self.network.origin, np.array([[p, between], [between, q]])
        return mean, covariance

    def _turned(self, R: FloatArray) -> ConservativeDensity:
        """Return the density, seen from the network's origin, of points ``R x``."""
        other = object.__new__(ConservativeDensity)
        other._prepare(_turned(self.network, R), None if self._region is None else self._region.turned(R))
        return other

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
        low, high = (-np.inf, np.inf) if self._region is None else self._region.lines()
        step = 0.25 / self._steepness(low, high)
        centre, reach = float(np.clip(0.0, low, high)), step
        if crossings.size:
            reach = max(float(np.abs(crossings).max()), step)
        for _ in range(2):
            # Geometric steps out of the centre: as far as there is mass, and past all crossings of kinks.
            count = 2 * int(np.ceil(np.log2(2 * (reach + abs(centre)) / step))) + 40
            steps = step * 2.0 ** (0.5 * np.arange(min(count, 600)))
            points = np.concatenate([centre - steps, [centre], centre + steps, crossings])
            if self._region is not None:
                points = np.clip(np.concatenate([points, self._region.vertices[:, 0]]), low, high)
            points = np.unique(points)
            logs = log_marginal(points)
            centre = self._peak(points, logs)
        top = float(max(logs.max(), log_marginal(np.array([centre]))[0]))
        held = np.flatnonzero(logs > top - _NEGLIGIBLE)
        first, last = max(held[0] - 1, 0), min(held[-1] + 1, len(points) - 1)
        cut = (logs[0] > top - _NEGLIGIBLE and points[0] > low) or (
            logs[-1] > top - _NEGLIGIBLE and points[-1] < high
        )
        if cut:
            raise ConvergenceError("the mass of the density reaches too far to be integrated")
        return points[first : last + 1], top

    def _steepness(self, low: float, high: float) -> float:
        """Return a rate at which the potential may change along the first coordinate, positive."""
        size = float(np.sqrt(self._slices.size))
        if self._region is None:
            return size
        size += float(np.abs(self.network.b2).max())
        return max(size, 1 / (high - low)) if np.isfinite(high - low) else size

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
