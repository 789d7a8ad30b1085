"""Figure 6: convex scores of one Gaussian and of separated clusters, kinks marked.

Chosen by us, because the source's values do not reach us: 300 points (seed 0), score matching, ReLU with
skip, a weight decay of ``0.1 n`` for the Gaussian and ``0.03 n`` for the clusters (two at -4 and 4, three at
-8, 0 and 8).
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.plotting import plot_score

from .common import GREEN, report, trim
from .laws import Gaussians

SEED, N = 0, 300
CASES = {
    "one Gaussian": (Gaussians(), 0.1),
    "two clusters": (Gaussians((-4.0, 4.0)), 0.03),
    "three clusters": (Gaussians((-8.0, 0.0, 8.0)), 0.03),
}


def draw(quick=False):
    """Return the figure and its numbers; it is quick anyway."""
    figure = Figure(figsize=(11, 3.9), layout="constrained")
    cases = {}
    for ax, (name, (law, share)) in zip(figure.subplots(1, 3), CASES.items(), strict=True):
        x = law.sample(N, np.random.default_rng(SEED))
        cases[name] = _panel(ax, name, law, x, share * N)
    claims = {
        "every kink is a data point": all(
            case["largest_distance_of_kink_to_data"] == 0 for case in cases.values()
        ),
        "the score of a Gaussian is a line": cases["one Gaussian"]["n_kinks"] == 0,
        "between clusters the score rises through zero once": all(
            case["rising_zeros"] == len(CASES[name][0].means) - 1 for name, case in cases.items()
        ),
    }
    parameters = {
        "seed": SEED,
        "n": N,
        "network": "ReLU with skip",
        "share_of_n": {k: v[1] for k, v in CASES.items()},
    }
    return figure, report(claims, parameters, quick, **cases)


def _panel(ax, name, law, x, beta):
    """Draw one score; return what is claimed of it."""
    solution = cs.solve(cs.ScoreMatching(x), beta, "relu", skip=True)
    score = solution.network
    plot_score(score, x, ax=ax)
    grid = np.linspace(*ax.get_xlim(), 401)
    ax.plot(grid, law.score(grid), "--", color=GREEN, linewidth=1.2, label="truth")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.45 * (high - low))
    ax.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    ax.set_title(f"{name}, n = {N}, weight decay {beta:g}", fontsize=9)
    trim([ax])
    kinks = score.kinks
    off = max((float(np.abs(x - kink).min()) for kink in kinks), default=0.0)
    signs = np.sign(score(grid))
    return {
        "beta": beta,
        "n_kinks": kinks.size,
        "kinks": kinks,
        "certificate_gap": solution.certificate.gap,
        "largest_distance_of_kink_to_data": off,
        "rising_zeros": int(np.sum((signs[:-1] < 0) & (signs[1:] > 0))),
    }
