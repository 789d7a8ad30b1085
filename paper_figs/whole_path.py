"""Figure 14, beyond the paper: the exact regularization path of the Old Faithful eruptions.

Score matching, ReLU with skip, from the threshold of the straight line down to weight decay 10; checked
against independent solves at weight decays spaced evenly in the logarithm.  Own data are followed down to the
same share of their threshold, or to where an optimum exists.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

import convexscore as cs

from .common import ACCENT, INK, WIDTH, report, trim
from .panels import legend

BETA_MIN, SHARE = 10.0, 0.12


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of the eruptions."""
    x = cs.datasets.load_old_faithful()["eruptions"] if own is None else own.values
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, skip=True)
    beta_min = BETA_MIN if own is None else max(SHARE * bounds.maximum, 1.01 * bounds.minimum)
    if beta_min >= bounds.maximum:
        raise ValueError(
            f"--column: expected data with optima at some weight decay below {bounds.maximum:g}, "
            f"got {own.names[0]}, with ties for which there is none"
        )
    path = cs.regularization_path(objective, skip=True, beta_min=beta_min)
    checked = np.geomspace(beta_min, path.betas[0], 8 if quick else 40)
    along = np.array([path.solution(beta).value for beta in checked])
    alone = np.array([cs.solve(objective, beta, skip=True).value for beta in checked])
    gap = float(np.max(np.abs(along - alone) / np.maximum(np.abs(alone), 1e-3)))
    label = "eruption duration (minutes)" if own is None else own.axis
    figure = _picture(path, x, label, checked, along, alone)
    of = "Old Faithful eruptions" if own is None else repr(own)
    figure.suptitle(f"Exact path, ReLU with skip, {of}, n = {x.size}", fontsize=10)
    claims = {
        "the path has the optimal loss at every weight decay tried": (
            gap <= 1e-9,
            f"largest relative difference {gap:.1g} at {checked.size} weight decays",
        )
    }
    parameters = {
        "data": "old faithful, eruptions" if own is None else own.parameters,
        "network": "ReLU with skip",
        "beta_min": beta_min,
    }
    numbers = {
        "largest_relative_difference": gap,
        "checked_betas": checked,
        "losses": along,
        "betas": path.betas,
        "n_kinks": path.n_kinks,
    }
    return figure, report(claims, parameters, quick, **numbers)


def _picture(path, x, label, checked, along, alone):
    """Draw positions and number of kinks, and losses along the path and of independent solves."""
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    path.plot(left)
    margin = 0.25 * np.ptp(x)
    left.set_ylim(x.min(), x.max() + margin)
    left.set_ylabel(f"kinks: {label}")
    left.set_title(f"Positions of the kinks: {path.betas.size - 1} pieces")
    legend(left)
    right.step(path.betas, path.n_kinks, where="pre", color=INK, label="kinks")
    right.set(xscale="log", xlabel="weight decay beta", ylabel="number of kinks")
    twin = right.twinx()
    twin.plot(checked, alone, "o", color=ACCENT, markersize=3, label="loss, solved anew")
    twin.plot(checked, along, "--", color=ACCENT, linewidth=1, label="loss along the path")
    twin.set_ylabel("training loss")
    right.set_title("Number of kinks, and training loss")
    handles = [*right.get_legend_handles_labels()[0], *twin.get_legend_handles_labels()[0]]
    legend(right, handles=handles, loc="lower center")
    right.set_ylim(0, path.n_kinks.max() + 0.5)
    for ax in (left, right):
        # The few powers of ten that matplotlib would label collide with the minor labels.
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 4.0)))
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.xaxis.set_minor_formatter(NullFormatter())
    trim((left,))
    right.spines["top"].set_visible(False)
    twin.spines["top"].set_visible(False)
    return figure
