"""From a solution in function space to the neurons of a cheapest network (ZP eq. 13).

A kink of slope jump ``delta`` at ``t`` becomes one neuron ``w = +- sqrt|y|``, ``b1 = -w t``,
``w2 = sign(y) sqrt|y|``, with ``y = delta`` for ReLU and ``delta / 2`` for abs.  The rest of this file
is about the slopes outside the data, where optimal networks without skip are not unique.

ReLU without skip: right kinks must sum to the last slope, left kinks to minus the first one.

* ``|C| < TV`` (``kappa = 0``): any split of the kinks into left and right ones costs the same; ours cuts
  at most one kink in two, a basic solution's number of neurons, where the slope passes zero.
* otherwise all falling kinks go right and all rising ones left, or the reverse; what is left of the slope
  is a line, made by one neuron at each end of the data with half the slope each.  That is the
  minimum-norm choice (``r = 0`` in ZP 3.3), one neuron more than the fewest.

abs without skip: outer slopes are opposite, ``-a`` and ``a``; where ``a`` is free, it is the one nearest to
zero, the only choice with which the score can have a density.

Where tails are held (`tails`), kinks at the ends of the data are among the spline's, and a line that is left
is made by the end that is free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import get_activation
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.piecewise import PiecewiseLinear
from .program import UnivariateProgram
from .spline import Spline, SplineProblem

__all__ = ["Atoms", "network_of_atoms", "reconstruct", "score_of"]


@dataclass(frozen=True, eq=False)
class Atoms:
    """Atoms of a network: positions, coefficients ``y``, and the sign of the first-layer weight."""

    position: FloatArray
    coefficient: FloatArray
    side: FloatArray

    def __add__(self, other: Atoms) -> Atoms:
        return Atoms(
            np.concatenate([self.position, other.position]),
            np.concatenate([self.coefficient, other.coefficient]),
            np.concatenate([self.side, other.side]),
        )


def reconstruct(problem: SplineProblem, spline: Spline) -> TwoLayerNetwork:
    """Return a network of least weight decay that computes `spline` on the data.

    Parameters
    ----------
    problem : SplineProblem
        The program and its weight decay.
    spline : Spline
        A function on the range of the data.

    Returns
    -------
    TwoLayerNetwork
        With the kink convention under which its training loss is ``problem.value(spline)`` above
        that of the zero score.
    """
    atoms, skip_slope = _atoms(problem, spline)
    return network_of_atoms(problem.program, atoms, skip_slope, float(spline.values[0]))


def score_of(problem: SplineProblem, spline: Spline) -> PiecewiseLinear:
    """Return the function that `reconstruct`'s network computes, without the network.

    Parameters
    ----------
    problem : SplineProblem
        The program and its weight decay.
    spline : Spline
        A function on the range of the data.
    """
    slopes = problem.slopes(spline.kinks, spline.values)
    knots = problem.program.position[problem.knots(spline.kinks)]
    outer = slopes[[0, -1]]
    if not problem.program.skip:
        # Atoms at the ends are what bends it there.
        atoms, _ = _atoms(problem, spline)
        jump = get_activation(problem.program.activation).jump
        bends = [jump * float(atoms.coefficient[atoms.position == end].sum()) for end in knots[[0, -1]]]
        outer = outer + np.array([-bends[0], bends[1]])
    return PiecewiseLinear(knots, spline.values, np.concatenate([outer[:1], slopes, outer[1:]]))


def _atoms(problem: SplineProblem, spline: Spline) -> tuple[Atoms, float]:
    """Return the atoms of a network of least weight decay, and the slope of its skip connection."""
    program = problem.program
    slopes = problem.slopes(spline.kinks, spline.values)
    jumps = np.diff(slopes)
    t = program.position[spline.kinks]
    skip_slope = 0.0
    if program.rules.even:
        atoms = Atoms(t, jumps / 2, np.ones(t.size))
        if program.skip:
            skip_slope = float(slopes[0] + slopes[-1]) / 2
        else:
            atoms = atoms + _outer_abs(problem, spline.kappa, slopes)
    elif program.skip:
        # Any piece's slope can be the skip's; the flattest one leaves the least to cancel.
        flattest = int(np.argmin(np.abs(slopes)))
        skip_slope = float(slopes[flattest])
        atoms = Atoms(t, jumps, np.where(np.arange(t.size) < flattest, -1.0, 1.0))
    else:
        atoms = _split_kinks(problem, spline.kappa, t, slopes)
    return atoms, skip_slope


def _split_kinks(problem: SplineProblem, kappa: float, t: FloatArray, slopes: FloatArray) -> Atoms:
    """Distribute the kinks of a ReLU network without skip over left and right neurons."""
    jumps, low_high = np.diff(slopes), problem.kappa_range
    balance, variation = slopes[0] + slopes[-1], np.abs(jumps).sum()
    at_end = kappa in low_high
    # With a tail held at zero the two can be equal but for rounding.
    if kappa == 0 and (abs(balance) <= variation or 0.0 in problem.held):
        return _balanced_split(t, slopes)
    positive_side = balance < 0
    # Positive kappa (C = -TV): falling kinks are right neurons, rising kinks left ones.
    side = np.where((jumps < 0) == positive_side, 1.0, -1.0)
    atoms = Atoms(t, jumps, side)
    excess = (balance + variation if positive_side else balance - variation) / 2
    if at_end and (excess < 0 if positive_side else excess > 0):
        atoms = atoms + _outer_line(problem, float(excess))
    return atoms


def _balanced_split(t: FloatArray, slopes: FloatArray) -> Atoms:
    """Split kinks so that right ones sum to the last slope and left ones to minus the first.

    Where the slope passes zero this is immediate: kinks before are left ones, kinks after right ones,
    and every partial sum of coefficients is a slope of the score itself.
    """
    jumps, last_slope = np.diff(slopes), float(slopes[-1])
    crossing = np.flatnonzero(slopes[:-1] * slopes[1:] <= 0)
    if crossing.size:
        # The middle crossing: sums of many large jumps then run over half the kinks at most.
        k = int(crossing[crossing.size // 2])
        left = np.concatenate([jumps[:k], [-slopes[k]]])
        right = np.concatenate([[slopes[k + 1]], jumps[k + 1 :]])
        return Atoms(t[: k + 1], left, -np.ones(k + 1)) + Atoms(t[k:], right, np.ones(t.size - k))
    size = np.abs(jumps)
    # Start with the falling kinks right and the rising ones left; each kink moved over adds its size.
    needed = last_slope - jumps[jumps < 0].sum()
    moved = np.clip(needed - (np.cumsum(size) - size), 0.0, size)
    moved = np.where(size - moved <= 1e-14 * size.sum(), size, moved)
    right = np.where(jumps > 0, moved, moved - size)
    return Atoms(t, right, np.ones(t.size)) + Atoms(t, jumps - right, -np.ones(t.size))


def _outer_line(problem: SplineProblem, slope: float) -> Atoms:
    """Return ReLU atoms that add a line of this slope on the data at the least cost.

    For SM on the whole line the slope is negative: a rising line left over would mean that every slope of the
    score is positive, hence ``sum m (x - mu) s > 0``, while ``kappa <= 0`` says that it is at most ``-n``.
    Labels may ask for a rising one, whose neuron does not count the mass at its own kink: the heavier end
    has it.
    """
    program = problem.program
    t, tie = program.position, program.tie_mass
    both = np.array([1.0, -1.0])
    heaviest = int(np.argmax(tie[1:-1])) + 1 if tie.size > 2 else 0
    free = np.array([slope is None for slope in problem.held])
    # A rising line spares its own end's mass already.
    spared = float(tie[[0, -1]][free].max(initial=0.0)) if slope > 0 else 0.0
    if heaviest and (tie[heaviest] > problem.beta + spared or not free.any()):
        # A heavy tie pays for both neurons there: each counts the favourable slope.
        return Atoms(t[[heaviest, heaviest]], slope * both, both)
    if slope > 0 and free.all() and tie[0] != tie[-1]:
        free = tie[[0, -1]] == tie[[0, -1]].max()
    if not free.all():
        return Atoms(t[[0, -1]][free], slope * both[free], both[free])
    return Atoms(t[[0, -1]], 0.5 * slope * both, both)


def _outer_abs(problem: SplineProblem, kappa: float, slopes: FloatArray) -> Atoms:
    """Return the abs atoms at the ends of the data that make the outer slopes opposite."""
    program = problem.program
    tie, t = program.tie_mass, program.position
    low, high = problem.kappa_range
    first, last = float(slopes[0]), float(slopes[-1])
    if low < kappa < high:
        return Atoms(t[:0], slopes[:0], slopes[:0])
    if first + last <= 0 or tie[0] == tie[-1]:
        outer = float(np.clip(0.0, min(first, -last), max(first, -last)))
    else:
        outer = -last if tie[0] > tie[-1] else first
    coefficient = np.array([first - outer, -outer - last]) / 2
    used = coefficient != 0
    return Atoms(t[[0, -1]][used], coefficient[used], np.ones(int(used.sum())))


def network_of_atoms(
    program: UnivariateProgram, atoms: Atoms, skip_slope: float, first_value: float
) -> TwoLayerNetwork:
    """Turn atoms into balanced neurons whose kinks are exactly at the data."""
    # One neuron for each position and side.
    (t, side), which = np.unique(np.stack([atoms.position, atoms.side]), axis=1, return_inverse=True)
    y = np.bincount(which.reshape(-1), weights=atoms.coefficient, minlength=t.size)
    t, y, side = t[y != 0], y[y != 0], side[y != 0]
    # Each neuron counts the smaller of its two slopes at its own kink.
    counts_right = y < 0
    weight, b1 = _exact_kinks(side * np.sqrt(np.abs(y)), t, counts_right)
    start = program.position[0]
    ahead = (side < 0) | program.rules.even
    b2 = first_value - skip_slope * start - float(y[ahead] @ (t[ahead] - start))
    return TwoLayerNetwork(
        weight[:, None],
        b1,
        (y / np.abs(weight))[None, :],
        np.array([b2]),
        np.array([[skip_slope]]),
        activation=program.activation,
        right_derivative=counts_right == (side > 0),
    )


def _exact_kinks(
    weight: FloatArray, t: FloatArray, counts_right: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Nudge weights until ``-b1 / weight`` is exactly `t`.

    A nudge of relative size ``e`` unbalances a neuron, which costs ``O(e^2)`` of its weight decay:
    nothing at double precision.  For a few positions (just below a power of two) no nudge helps; there
    the kink moves by units in the last place to the side of `t` on which `t` counts as wanted.
    """
    nudged = weight.copy()
    for attempt in range(1, 100):
        off = -(-nudged * t) / nudged != t
        if not off.any():
            break
        nudged[off] = weight[off] * (1 + 6.18e-11 * attempt)
    b1 = -nudged * t
    off = -b1 / nudged != t
    towards = np.where(counts_right == (nudged > 0), np.inf, -np.inf)
    for _ in range(8):
        wrong = off & ((-b1 / nudged < t) != counts_right)
        wrong |= off & (-b1 / nudged == t)
        if not wrong.any():
            break
        b1[wrong] = np.nextafter(b1[wrong], towards[wrong])
    return nudged, b1
