"""The largest correlation over all directions of a circle, by one sweep over sorted angles.

Points ``y_s`` in the plane switch at the angles where ``u(t) = (cos t, sin t)`` is at right angles to them.
Between two such angles the correlation of a neuron with direction ``u`` is ``|| N u ||`` with a constant

    N = sum_{active s}  z_s y_s'  +  g_s T        (n_outputs x 2),

so ``|| N u(t) ||^2 = p + q cos(2 t - psi)`` is largest at ``psi / 2`` if that lies inside the arc, and else
at one of its ends.  Where output vectors are tied to directions, ``u'N u`` has the same form.  Sorted, all
matrices are one cumulative sum: ``O(n log n)`` a circle, many circles at once.
The pattern at ``-u`` is the complement, so half a turn is enough for both.

Planar networks without bias are one circle; with a free bias a kink line passes through a data point and
each point is the centre of a circle (``y = x - x_i``); in space, planes through a point of the data or
through two are circles in the plane at right angles to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray

__all__ = ["Arcs", "Circles", "best_arcs"]


@dataclass(frozen=True, eq=False)
class Circles:
    """Circles with the angles at which points switch, sorted.

    Parameters
    ----------
    angle : ndarray of shape (n_circles, n_points)
        Ascending, from 0 to pi; points at the centre, which never switch, come last with angle pi.
    order : ndarray of shape (n_circles, n_points)
        Which point switches.
    turn : ndarray of shape (n_circles, n_points)
        1 where it becomes active as the angle grows, -1 where inactive, 0 at the centre.
    y : ndarray of shape (n_circles, n_points, 2)
        The points, in this order.
    active : bool ndarray of shape (n_circles, n_points)
        Whether the point is active just before angle zero, in this order.
    sharp : bool ndarray of shape (n_circles, n_points)
        Whether the arc from this angle to the next is longer than rounding errors of both.
    """

    angle: FloatArray
    order: NDArray[np.intp]
    turn: FloatArray
    y: FloatArray
    active: NDArray[np.bool_]
    sharp: NDArray[np.bool_]

    @classmethod
    def around(cls, y: FloatArray, rounding: FloatArray | float) -> Circles:
        """Sort the points ``y (n_circles, n_points, 2)``, known up to `rounding` (broadcast to points)."""
        radius = np.hypot(y[..., 0], y[..., 1])
        central = radius <= rounding
        at = np.arctan2(y[..., 1], y[..., 0])
        falls = at < np.pi / 2
        # A point at `at` is active on (at - pi/2, at + pi/2): it switches once in [0, pi).
        falls &= at >= -np.pi / 2
        angle = np.where(falls, at + np.pi / 2, np.where(at > 0, at - np.pi / 2, at + 1.5 * np.pi))
        angle = np.where(central, np.pi, angle)
        order = np.argsort(angle, axis=1)
        angle = np.take_along_axis(angle, order, axis=1)
        falls = np.take_along_axis(falls, order, axis=1)
        central = np.take_along_axis(central, order, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            blur = np.where(radius > rounding, rounding / radius, 0.0) + 4e-16
        blur = np.take_along_axis(np.broadcast_to(blur, radius.shape), order, axis=1)
        gap = np.diff(angle, axis=1, append=angle[:, :1] + np.pi)
        sharp = gap > blur + np.roll(blur, -1, axis=1)
        turn = np.where(central, 0.0, np.where(falls, -1.0, 1.0))
        y = np.take_along_axis(y, order[..., None], axis=1)
        return cls(angle, order, turn, y, falls & ~central, sharp)


@dataclass(frozen=True, eq=False)
class Arcs:
    """The best directions of some arcs.

    Parameters
    ----------
    value : ndarray of shape (n_arcs,)
        Correlation ``|| N u ||``, with tied outputs ``| u'T'N u |``.
    circle : int ndarray of shape (n_arcs,)
        Which circle.
    angle : ndarray of shape (n_arcs,)
        The angle of the best direction; half a turn is already added for the complement.
    middle : ndarray of shape (n_arcs,)
        An angle well inside the arc, which tells the pattern.
    centre_active : bool ndarray of shape (n_arcs,)
        Whether points at the centre count as active.
    held : int ndarray of shape (n_arcs,)
        The point at whose switch the best direction lies; -1 inside an arc.
    """

    value: FloatArray
    circle: NDArray[np.intp]
    angle: FloatArray
    middle: FloatArray
    centre_active: NDArray[np.bool_]
    held: NDArray[np.intp]

    @classmethod
    def join(cls, parts: list[Arcs]) -> Arcs:
        """Return all arcs of `parts`."""
        return cls(*(np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])))

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Arcs:
        """Return some of the arcs."""
        return Arcs(*(array[chosen] for array in vars(self).values()))


def best_arcs(
    circles: Circles,
    z: FloatArray,
    trace: FloatArray,
    centre: tuple[FloatArray, FloatArray],
    T: FloatArray,
    left_slope: float,
    threshold: float,
    tied: bool = False,
) -> Arcs:
    """Return the best direction of every arc on which the correlation exceeds `threshold`.

    Parameters
    ----------
    circles : Circles
        The circles.
    z : ndarray of shape (n_points, n_outputs)
        Residual times mass.
    trace : ndarray of shape (n_points,)
        ``g``, zero for denoising.
    centre : pair of ndarrays of shape (n_circles,)
        Sums of ``g`` times slope over points at the centre, if they count as active and if they do not.
    T : ndarray of shape (n_outputs, 2) or (n_circles, n_outputs, 2)
        From directions of the circle to those of the space.
    left_slope : float
        The activation's, 0 for ReLU, -1 for abs.
    threshold : float
        Smaller correlations are left out.
    tied : bool
        Whether output vectors are along the directions (`multivariate.conservative`).
    """
    n_outputs = z.shape[1]
    T = np.broadcast_to(T, (len(circles.angle), n_outputs, 2))
    gain = trace[circles.order] * (circles.turn != 0) if trace.any() else None
    N = np.empty((n_outputs, 2, *circles.angle.shape))
    total = np.empty((n_outputs, 2, len(circles.angle), 1))
    for i in range(n_outputs):
        column = z[:, i][circles.order]
        for j in range(2):
            term = column * circles.y[..., j]
            if gain is not None:
                term += gain * T[:, i, j, None]
            start = np.sum(term, axis=1, where=circles.active)
            # Central points have y = 0 up to rounding, and do not turn.
            total[i, j, :, 0] = np.sum(term, axis=1, where=circles.turn != 0)
            term *= circles.turn
            np.cumsum(term, axis=1, out=N[i, j])
            N[i, j] += start[:, None]
    at_centre = np.moveaxis(T, 0, -1)[..., None]
    choices = [(True, centre[0]), (False, centre[1])]
    parts = []
    # sigma' is 1 on the active side and left_slope on the other: N + left_slope (total - N).
    for flipped in (False, True) if left_slope == 0 else (False,):
        side = total - N if flipped else N + left_slope * (total - N)
        for counted, amount in (
            choices if gain is not None and (centre[0] != centre[1]).any() else choices[:1]
        ):
            shifted = side + amount[:, None] * at_centre if amount.any() else side
            for a, b, c in _tied_forms(T, shifted) if tied else _squares(shifted):
                parts.append(_largest(circles, a, b, c, flipped, counted, threshold, squared=not tied))
    return Arcs.join(parts)


def _squares(N: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return entries ``a, b, c`` of the forms ``a u1^2 + 2 b u1 u2 + c u2^2 = || N u ||^2``."""
    return [((N[:, 0] ** 2).sum(axis=0), (N[:, 0] * N[:, 1]).sum(axis=0), (N[:, 1] ** 2).sum(axis=0))]


def _tied_forms(T: FloatArray, N: FloatArray) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """Return the same of ``u'T'N u`` and of its negative, the larger of which is the absolute value."""
    form = np.einsum("cij,ikcn->jkcn", T, N)
    entries = form[0, 0], 0.5 * (form[0, 1] + form[1, 0]), form[1, 1]
    return [entries, (-entries[0], -entries[1], -entries[2])]


def _largest(
    circles: Circles,
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    flipped: bool,
    counted: bool,
    threshold: float,
    *,
    squared: bool,
) -> Arcs:
    """Return the best direction of every arc above the threshold, for one choice of side and centre.

    The forms are the correlations, or, if `squared`, their squares.
    """
    mean, half = 0.5 * (a + c), 0.5 * (a - c)
    radius = np.hypot(half, b)
    level = threshold**2 if squared else threshold
    circle, place = np.nonzero((mean + radius > level) & circles.sharp)
    mean, radius = mean[circle, place], radius[circle, place]
    phase = np.arctan2(b[circle, place], half[circle, place])
    n = circles.angle.shape[1]
    following = (place + 1) % n
    low = circles.angle[circle, place]
    high = circles.angle[circle, following] + np.where(place == n - 1, np.pi, 0.0)
    top = 0.5 * phase
    top += np.pi * np.ceil((low - top) / np.pi)
    inside = top < high
    at_low, at_high = (mean + radius * np.cos(2 * end - phase) for end in (low, high))
    nearer_low = at_low > at_high
    form = np.where(inside, mean + radius, np.maximum(at_low, at_high))
    angle = np.where(inside, top, np.where(nearer_low, low, high))
    end = np.where(nearer_low, place, following)
    # The switch of a central point is no real end: nothing is held there.
    real = circles.turn[circle, end] != 0
    held = np.where(inside | ~real, -1, circles.order[circle, end])
    value = np.sqrt(np.maximum(form, 0.0)) if squared else form
    kept = value > threshold
    half_turn = np.pi if flipped else 0.0
    return Arcs(
        value[kept],
        circle[kept],
        angle[kept] + half_turn,
        (0.5 * (low + high))[kept] + half_turn,
        np.full(np.count_nonzero(kept), counted),
        held[kept],
    )
