"""The certificate's picture: correlations of all neurons with the residual, and the band they stay in.

A network is optimal iff no neuron's correlation with its residual exceeds the weight decay, and its own
neurons reach it.  On the line neurons are given by the position of their kink, in the plane by their
direction, with the bias at its best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_text, shown
from ..multivariate.conservative.program import ConservativeProgram
from ..multivariate.pricing.directions import strongest_by_angle
from ..multivariate.program import NeuronProgram
from ..multivariate.warm_start import neurons_of
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.scaling import times_power
from ..results import Solution
from ..units import units_of
from ..univariate.correlations import correlations_along
from ..univariate.expected.profile import expected_correlations_along
from ..univariate.expected.program import ExpectedProgram
from ..univariate.program import UnivariateProgram
from .score import draw_rug
from .style import ACCENT, INK, SOFT, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_certificate"]

# Directions looked at, besides the network's own.
_ANGLES = 720
# Correlations that differ by less than this share of the weight decay are drawn once.
_SAME = 1e-6
_NAMES = {"right": "neurons looking right", "left": "neurons looking left", "abs": "abs neurons"}


def plot_certificate(solution: Solution, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw why a network is optimal: every neuron's correlation with its residual, inside a band.

    The network's own neurons are marked: they touch the band's edge, ``beta``, and no other neuron of any
    kind goes beyond it.

    Parameters
    ----------
    solution : Solution
        What `solve` returned for one or two features, with weight decay; neither gated nor log-concave, and
        no refit.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        One feature: correlations against the position of the kink, exact between data points, and where noise
        is integrated out at 24 positions to a deviation of it; ReLU neurons
        that look right and left have one each, the same with a skip connection.  Two features: the largest
        correlation over all biases against the direction, at 720 directions and the network's own.

    Raises
    ------
    TypeError, ValueError
        If `solution` is no solution, or one of another kind.

    See Also
    --------
    convexscore.Certificate : The same in numbers.
    plot_fit : The fit.

    Notes
    -----
    For the line these are ``H`` and ``H - kappa``, or ``2 H - kappa`` for abs, of the head of
    `convexscore.univariate.program`; bounds on outer slopes move them by their multipliers.  In the plane
    they are ``max_b || M'u ||`` of `convexscore.multivariate.program`, for conservative networks
    ``max_b | u'M'u |``.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.plotting import plot_certificate
    >>> from matplotlib.figure import Figure
    >>> solution = cs.solve(cs.datasets.load_old_faithful()["eruptions"], 20, skip=True)
    >>> ax = plot_certificate(solution, ax=Figure().subplots())
    >>> (touching,) = [line for line in ax.lines if "own" in line.get_label()]
    >>> np.abs(touching.get_ydata()).round(8).tolist()
    [20.0, 20.0, 20.0, 20.0, 20.0, 20.0, 20.0]
    """
    reason = _why_not(solution)
    if reason is not None:
        raise ValueError(
            "solution: expected one whose certificate is a band of correlations, for one or two features, "
            f"got {reason}"
        )
    title = None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    if solution.network.n_features == 1:
        _draw_on_line(ax, solution)
    else:
        _draw_by_angle(ax, solution)
    titled(ax, title)
    return ax


def _why_not(solution: Any) -> str | None:
    """Return what a solution is, if it has no such picture."""
    if not isinstance(solution, Solution):
        raise TypeError(f"solution: expected a Solution, got {shown(solution)}")
    problem = solution.problem
    if problem is None:
        return "one that does not know its data"
    on_line = problem.n_features == 1
    found = {
        "one of gated networks": problem.gated,
        "one on given patterns": problem.patterns is not None,
        "one without weight decay": solution.beta == 0,
        "a refit": problem.refit,
        f"one of {solution.shape} scores": solution.shape is not None,
        f"{problem.n_features} features": problem.n_features > 2,
        "one without bias on the line": on_line and not problem.bias,
    }
    return next((what for what, is_so in found.items() if is_so), None)


def _plain(network: Any) -> TwoLayerNetwork:
    plain: TwoLayerNetwork = network.network if isinstance(network, ConservativeNetwork) else network
    return plain


def _draw_on_line(ax: Axes, solution: Solution) -> None:
    problem, beta = solution.problem, solution.beta
    assert problem is not None
    # In units of its own, as it was solved: data far from zero keep their digits.
    units = units_of(problem)
    slope = units.label - units.length
    inner, network = units.problem(problem), units.network(_plain(solution.network))
    if problem.is_expected:
        blurred = ExpectedProgram(inner.objective, inner.activation, inner.skip)
        found = expected_correlations_along(blurred, network)
    else:
        tails = solution.tails and (
            times_power(solution.tails[0], -slope),
            times_power(solution.tails[1], -slope),
        )
        found = correlations_along(UnivariateProgram.from_problem(inner), network, units.beta(beta), tails)

    def outside(array: FloatArray) -> FloatArray:
        return np.ldexp(array, units.length) + units.origin[0]

    atoms = {name: np.ldexp(value, units.correlation) for name, value in found.atoms.items()}
    together = len(atoms) == 2 and float(np.abs(atoms["right"] - atoms["left"]).max()) <= _SAME * beta
    if together:
        del atoms["left"]
    for (name, value), style in zip(atoms.items(), ("-", (0, (4, 2))), strict=False):
        called = "every neuron" if together else _NAMES[name]
        ax.plot(outside(found.position), value, color=INK, linewidth=1.3, linestyle=style, label=called)
    draw_rug(ax, np.unique(problem.objective.X))
    _draw_marks(ax, outside(found.kinks), np.ldexp(found.at_kinks, units.correlation))
    _draw_band(ax, beta, two_sided=True)
    ends = outside(found.position[[0, -1]])
    labelled(ax, "position of the kink", "correlation with the residual")
    ax.set_xlim(*ends)
    _finish(ax, beta)


def _draw_by_angle(ax: Axes, solution: Solution) -> None:
    problem, beta = solution.problem, solution.beta
    assert problem is not None
    units = units_of(problem)
    kind = ConservativeProgram if problem.conservative else NeuronProgram
    program = kind.from_problem(units.problem(problem))
    network = units.network(_plain(solution.network))
    scores = network(program.points)
    residual, _ = program.balanced(program.root_mass * (program.scale * scores - program.target))
    neurons, _ = neurons_of(program, network)
    own = program.correlations(neurons, residual)
    at_own = np.abs(np.sum(own * neurons.direction, axis=1))
    if not problem.conservative:
        at_own = np.linalg.norm(own, axis=1)
    own_angles = np.arctan2(neurons.direction[:, 1], neurons.direction[:, 0]) % (2 * np.pi)
    angles = np.linspace(0.0, 2 * np.pi, _ANGLES + 1)
    largest = strongest_by_angle(program, residual, angles, problem.conservative)
    together, order = np.concatenate([angles, own_angles]), np.argsort(np.concatenate([angles, own_angles]))
    profile = np.ldexp(np.concatenate([largest, at_own]), units.correlation)
    ax.plot(
        np.degrees(together[order]), profile[order], color=INK, linewidth=1.3, label="best neuron a direction"
    )
    _draw_marks(ax, np.degrees(own_angles), np.ldexp(at_own, units.correlation))
    _draw_band(ax, beta, two_sided=False)
    labelled(ax, "direction of the neuron, degrees", "largest correlation with the residual")
    ax.set(xlim=(0, 360), xticks=range(0, 361, 45))
    ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.12 * beta)
    _finish(ax, beta)


def _draw_marks(ax: Axes, place: FloatArray, value: FloatArray) -> None:
    if place.size:
        name = f"the network's own, {place.size}"
        style: dict[str, Any] = {
            "color": ACCENT,
            "markeredgecolor": "white",
            "markersize": 6.5,
            "linestyle": "none",
        }
        ax.plot(place, value, marker="o", **style, label=name, zorder=4)


def _draw_band(ax: Axes, beta: float, *, two_sided: bool) -> None:
    """Draw the edges of the band, and hatch what is beyond."""
    reach = 3.0 * beta
    for sign in (1, -1) if two_sided else (1,):
        name = "weight decay" if sign == 1 else "_"
        ax.axhline(sign * beta, color=ACCENT, linewidth=1.1, linestyle=(0, (1, 1.2)), label=name, zorder=3)
        beyond = sorted((sign * beta, sign * reach))
        ax.axhspan(*beyond, facecolor="none", edgecolor=SOFT, hatch="////", linewidth=0.0, zorder=0)
    if two_sided:
        ax.set_ylim(-1.18 * beta, 1.12 * beta)


def _finish(ax: Axes, beta: float) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    legend(ax, columns=4, loc="upper center", below=1.12 * beta, small=True)
    drawn = ax.get_legend()
    if drawn is not None:
        # On the hatching.
        drawn.set_frame_on(True)
        drawn.get_frame().set(alpha=1.0, linewidth=0.0)
