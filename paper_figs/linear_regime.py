"""Figures 1 and 2: optimal scores in the large-weight-decay regime are not unique outside the data.

Between ``beta_2`` and ``n`` the optimal score without skip is a line of slope ``a = (beta - n) / (n v)`` on
the data.  Outside, ReLU networks may take the slopes ``a/2 - r`` (left) and ``a/2 + r`` (right), abs networks
``-2r`` and ``2r``, for any ``|r| <= |a|/2``, all at the same training loss.  The source does not give data
or weight decay: we take 200 standard normal points and ``beta`` half-way between the two thresholds.  Own
data take their place; where they have no such regime, for heavy ties, the figure is refused.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs

from .common import ACCENT, INK, SOFT, WIDTH, report, trim
from .panels import legend

SEED, N = 0, 200


def family_member(objective, beta, activation, share):
    """Return the optimal network with ``r = share |a| / 2``."""
    x = objective.X[:, 0]
    a = (beta - len(x)) / (len(x) * x.var())
    r = share * abs(a) / 2
    # A hair outside the data: on which side of a kink a datum on it counts would hang on rounding.
    hair = 1e-9 * np.ptp(x)
    ends = np.array([x.min() - hair, x.max() + hair])
    y = np.array([a / 2 + r, -(a / 2 - r)])
    side = np.array([1.0, -1.0 if activation == "relu" else 1.0])
    used = y != 0
    y, side, ends = y[used], side[used], ends[used]
    weight = side * np.sqrt(np.abs(y))
    b1 = -weight * ends
    hidden = (
        y @ np.maximum(side * (x.mean() - ends), 0) if activation == "relu" else y @ np.abs(x.mean() - ends)
    )
    return cs.TwoLayerNetwork(
        weight[:, None],
        b1,
        (y / np.abs(weight))[None],
        [-hidden],
        activation=activation,
    )


def draw(activation, quick=False, own=None):
    """Return the figure and its numbers."""
    x = np.random.default_rng(SEED).standard_normal(N) if own is None else own.values
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, activation)
    if bounds.linear >= bounds.maximum:
        raise ValueError(
            f"--column: expected data whose score is a line at some weight decay below {bounds.maximum:g}, "
            f"got {own.names[0]}, with ties for which there is none"
        )
    beta = (bounds.linear + bounds.maximum) / 2
    optimum = cs.solve(objective, beta, activation)
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    name = "ReLU" if activation == "relu" else "abs"
    of = "" if own is None else f", {own!r}"
    figure.suptitle(f"Optimal {name} scores at weight decay {beta:.4g}, n = {x.size}{of}", fontsize=10)
    left, right = figure.subplots(1, 2)
    reach = max(6.0, 1.2 * float(np.abs(x).max()))
    members = _draw_members((left, right), objective, beta, activation, np.linspace(-reach, reach, 601))
    for ax, ylabel in ((left, "score"), (right, "log-density, up to a constant")):
        ax.axvspan(x.min(), x.max(), color=SOFT, alpha=0.4, label="range of the data")
        ax.set(xlabel="x" if own is None else own.axis, ylabel=ylabel)
    trim((left, right))
    left.set_title("Scores")
    right.set_title("Log-densities: all have the same training loss")
    legend(left, loc="lower left")
    low, high = left.get_ylim()
    left.set_ylim(low - 0.45 * (high - low), high)
    legend(right, loc="lower center")
    low, high = right.get_ylim()
    right.set_ylim(low - 0.55 * (high - low), high)
    gap = max(abs(m["loss"] - optimum.value) for m in members)
    only_straight = [m["log_concave"] for m in members] == [activation == "relu", True, activation == "relu"]
    allowed = max(abs(optimum.value), 1e-3)
    claims = {
        "every member of the family has the optimal training loss": (
            gap <= 1e-9 * allowed,
            f"largest difference {gap:.1g} of {optimum.value:.3g}",
        ),
        "ReLU members are log-concave, abs members only at r = 0": (
            only_straight,
            f"log-concave at r / |a| = "
            f"{', '.join(format(m['r_over_a'], 'g') for m in members if m['log_concave'])}",
        ),
    }
    parameters = {"seed": SEED, "n": x.size, "beta": beta, "activation": activation}
    return figure, report(
        claims,
        parameters if own is None else {**parameters, "data": own.parameters},
        quick,
        largest_difference_of_losses=gap,
        beta_bounds=vars(bounds),
        optimum=optimum.value,
        members=members,
    )


def _draw_members(axes, objective, beta, activation, grid):
    """Draw score and log-density of three members of the family; return what is claimed of them."""
    members = []
    for share, style in ((-1.0, "--"), (0.0, "-"), (1.0, ":")):
        network = family_member(objective, beta, activation, share)
        slopes = network.piecewise.slopes
        concave = bool((slopes <= 1e-12).all())
        label = f"r = {share / 2:+.1f} |a|" if share else "r = 0"
        label += ", log-concave" if concave else ", not log-concave"
        shape = {"linestyle": style, "color": INK if share == 0 else ACCENT, "label": label}
        score = network(grid)
        axes[0].plot(grid, score, **shape)
        steps = np.diff(grid) * (score[1:] + score[:-1]) / 2
        density = np.concatenate([[0], np.cumsum(steps)])
        axes[1].plot(grid, density - density[grid.size // 2], **shape)
        loss = network.loss(objective, beta)
        members.append(
            {
                "r": share * abs(slopes).max() / 2,
                "r_over_a": share / 2,
                "loss": loss,
                "log_concave": concave,
            }
        )
    return members
