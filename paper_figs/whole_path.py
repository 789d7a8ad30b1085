"""Figure 14, beyond the paper: the exact regularization path of the Old Faithful eruptions.

Score matching, ReLU with skip, from the threshold of the straight line down to weight decay 10; checked
against independent solves at weight decays spaced evenly in the logarithm.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

import convexscore as cs

from .common import ACCENT, INK, report, trim

BETA_MIN = 10.0


def draw(quick=False):
    """Return the figure and its numbers."""
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    path = cs.regularization_path(objective, skip=True, beta_min=BETA_MIN)
    checked = np.geomspace(BETA_MIN, path.betas[0], 8 if quick else 40)
    along = np.array([path.solution(beta).value for beta in checked])
    alone = np.array([cs.solve(objective, beta, skip=True).value for beta in checked])
    gap = float(np.max(np.abs(along - alone) / np.abs(alone)))
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    path.plot(left)
    left.set_ylim(*(objective.X.min(), objective.X.max() + 1.0))
    left.set_ylabel("kinks: eruption duration (minutes)")
    left.set_title(f"Exact path: {path.betas.size - 1} pieces", fontsize=10)
    right.step(path.betas, path.n_kinks, where="pre", color=INK, label="kinks")
    right.set(xscale="log", xlabel="weight decay beta", ylabel="number of kinks")
    twin = right.twinx()
    twin.plot(checked, alone, "o", color=ACCENT, markersize=3, label="loss, solved anew")
    twin.plot(checked, along, color=ACCENT, linewidth=1, label="loss along the path")
    twin.set_ylabel("training loss", color=ACCENT)
    right.set_title(f"Largest relative difference of the losses: {gap:.0e}", fontsize=10)
    handles = [*right.get_legend_handles_labels()[0], *twin.get_legend_handles_labels()[0]]
    right.legend(handles=handles, frameon=False, fontsize=8, loc="lower center")
    right.set_ylim(0, path.n_kinks.max() + 0.5)
    for ax in (left, right):
        # The few powers of ten that matplotlib would label collide with the minor labels.
        ax.set_xticks([10, 20, 40, 80], labels=["10", "20", "40", "80"])
        ax.xaxis.set_minor_formatter(NullFormatter())
    trim((left,))
    right.spines["top"].set_visible(False)
    twin.spines["top"].set_visible(False)
    claims = {"the path has the optimal loss at every weight decay tried": gap <= 1e-9}
    parameters = {"data": "old faithful, eruptions", "network": "ReLU with skip", "beta_min": BETA_MIN}
    numbers = {
        "largest_relative_difference": gap,
        "checked_betas": checked,
        "losses": along,
        "betas": path.betas,
        "n_kinks": path.n_kinks,
    }
    return figure, report(claims, parameters, quick, **numbers)
