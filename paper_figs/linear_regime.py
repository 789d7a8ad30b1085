"""Figures 1 and 2: optimal scores in the large-weight-decay regime are not unique outside the data.

Between ``beta_2`` and ``n`` the optimal score without skip is a line of slope ``a = (beta - n) / (n v)`` on
the data.  Outside, ReLU networks may take the slopes ``a/2 - r`` (left) and ``a/2 + r`` (right), abs networks
``-2r`` and ``2r``, for any ``|r| <= |a|/2``, all at the same training loss.  The source does not give data
or weight decay: we take 200 standard normal points and ``beta`` half-way between the two thresholds.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs

from .common import ACCENT, INK, SOFT, report, trim

SEED, N = 0, 200


def family_member(objective, beta, activation, share):
    """Return the optimal network with ``r = share |a| / 2``."""
    x = objective.X[:, 0]
    a = (beta - len(x)) / (len(x) * x.var())
    r = share * abs(a) / 2
    ends = np.array([x.min(), x.max()])
    y = np.array([a / 2 + r, -(a / 2 - r)])
    side = np.array([1.0, -1.0 if activation == "relu" else 1.0])
    used = y != 0
    y, side, ends = y[used], side[used], ends[used]
    weight = side * np.sqrt(np.abs(y))
    # The smaller of the two slopes counts at a datum on a kink.
    right = (y < 0) == (side > 0)
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
        right_derivative=right,
    )


def draw(activation, quick=False):
    """Return the figure and its numbers."""
    x = np.random.default_rng(SEED).standard_normal(N)
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, activation)
    beta = (bounds.linear + bounds.maximum) / 2
    optimum = cs.solve(objective, beta, activation)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    grid = np.linspace(-6, 6, 601)
    members = []
    for share, style in ((-1.0, "--"), (0.0, "-"), (1.0, ":")):
        network = family_member(objective, beta, activation, share)
        slopes = network.piecewise.slopes
        concave = bool((slopes <= 1e-12).all())
        loss = network.loss(objective, beta)
        label = f"r = {share / 2:+.1f} |a|" if share else "r = 0"
        label += ", log-concave" if concave else ", not log-concave"
        color = INK if share == 0 else ACCENT
        left.plot(grid, network(grid), style, color=color, label=label)
        trapezoid = np.concatenate(
            [[0], np.cumsum(np.diff(grid) * (network(grid)[1:] + network(grid)[:-1]) / 2)]
        )
        right.plot(grid, trapezoid - trapezoid[300], style, color=color, label=label)
        members.append({"r": share * abs(slopes).max() / 2, "loss": loss, "log_concave": concave})
    for ax, ylabel in ((left, "score"), (right, "log-density, up to a constant")):
        ax.axvspan(x.min(), x.max(), color=SOFT, alpha=0.4, label="range of the data")
        ax.set(xlabel="x", ylabel=ylabel)
        ax.legend(frameon=False, fontsize=8)
    trim((left, right))
    left.set_title(f"Optimal {activation} scores at beta = {beta:.0f}, n = {N}", fontsize=10)
    right.set_title("All have the same training loss", fontsize=10)
    gap = max(abs(m["loss"] - optimum.value) for m in members)
    only_straight = [m["log_concave"] for m in members] == [activation == "relu", True, activation == "relu"]
    claims = {
        "every member of the family has the optimal training loss": gap <= 1e-9 * abs(optimum.value),
        "relu members are log-concave, abs members only at r = 0": only_straight,
    }
    parameters = {"seed": SEED, "n": N, "beta": beta, "activation": activation}
    return figure, report(
        claims,
        parameters,
        quick,
        largest_difference_of_losses=gap,
        beta_bounds=vars(bounds),
        optimum=optimum.value,
        members=members,
    )
