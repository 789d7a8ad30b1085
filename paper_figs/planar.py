"""Figure 15, beyond the paper: planar ReLU networks, the certified optimum against trials of Adam.

Score matching without skip on 150 points of three Gaussian clusters (seed 0), weight decay ``0.1 n``.  Adam
has width 100, five rates (the one of least median final loss is shown), 10 starts a rate, 500 epochs.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, GREEN, INK, SOFT, report, trim
from .panels import best_rate, draw_losses, loss_numbers

SEED, N, SHARE, RATES = 0, 150, 0.1, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
CENTERS, SCALE = ((2.0, 0.0), (-1.0, 1.7), (-1.0, -1.7)), 0.6


def draw(quick=False):
    """Return the figure and its numbers."""
    rng = np.random.default_rng(SEED)
    x = np.resize(CENTERS, (N, 2)) + SCALE * rng.standard_normal((N, 2))
    objective = cs.ScoreMatching(x)
    beta = SHARE * N
    solution = cs.solve(objective, beta)
    trained = train_adam(
        objective,
        beta,
        learning_rate=RATES,
        n_epochs=60 if quick else 500,
        n_trials=3 if quick else 10,
        rng=SEED,
    )
    figure = Figure(figsize=(11, 4.1), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_losses(left, trained, solution.value, f"Loss at weight decay {beta:g}")
    final = np.where(trained.learning_rates == best_rate(trained), trained.losses[:, -1], np.inf)
    title = f"Certified optimum, {solution.network.n_neurons} neurons: score"
    _field(middle, solution.network, x, f"{title}\ngap to the dual bound {solution.certificate.gap:.0e}")
    _field(right, trained.networks[int(np.argmin(final))], x, "Adam, best trial: score", lines=False)
    # Below the panels, for arrows fill them.
    handles, labels = middle.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, loc="outside lower right", ncols=3)
    losses = loss_numbers(trained, solution.value)
    certificate = solution.certificate
    relative = certificate.gap / abs(solution.value)
    claims = {
        "no trial of Adam is below the certified optimum at any epoch": losses["never_below_by_1e-8"],
        "the certificate covers all networks, to a relative gap of 1e-6": (
            certificate.scope == "global" and relative <= 1e-6
        ),
    }
    parameters = {
        "seed": SEED,
        "n": N,
        "centers": CENTERS,
        "scale": SCALE,
        "beta": beta,
        "learning_rates": RATES,
    }
    numbers = {**losses, "n_neurons": solution.network.n_neurons, "certificate": vars(certificate)}
    return figure, report(claims, parameters, quick, **numbers)


def _field(ax, network, x, title, lines=True):
    """Draw a planar score as arrows, and the lines where it bends."""
    side = np.linspace(-3.4, 3.4, 15)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    score = network(points)
    ax.plot(*x.T, ".", color=SOFT, markersize=4, label="data")
    ax.quiver(*points.T, *score.T, color=INK, scale=60, width=0.004)
    ends = np.array([-6.0, 6.0])
    for number, (normal, offset) in enumerate(zip(network.W1, network.b1, strict=True) if lines else ()):
        foot = -offset * normal / (normal @ normal)
        along = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
        label = "kink lines" if number == 0 else None
        ax.plot(*(foot[:, None] + along[:, None] * ends), color=ACCENT, linewidth=0.8, label=label)
    ax.plot(*np.transpose(CENTERS), "+", color=GREEN, markersize=9, label="cluster centers")
    ax.set(xlabel="x1", ylabel="x2", xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), aspect="equal")
    ax.set_title(title, fontsize=9)
    trim([ax])
