"""Figure 15, beyond the paper: planar ReLU networks, the certified optimum against trials of Adam.

Score matching without skip on 150 points of three Gaussian clusters (seed 0), weight decay ``0.1 n``.  Adam
has width 100, five rates (the one of least median final loss is shown), 10 starts a rate, 500 epochs.  Two
columns of a table take the place of the clusters, each standardized.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, GREEN, INK, SOFT, WIDTH, report, trim
from .panels import best_network, best_rate, draw_losses, legend, loss_numbers

SEED, N, SHARE, RATES = 0, 150, 0.1, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
CENTERS, SCALE = ((2.0, 0.0), (-1.0, 1.7), (-1.0, -1.7)), 0.6


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of ours."""
    if own is None:
        rng = np.random.default_rng(SEED)
        x = np.resize(CENTERS, (N, 2)) + SCALE * rng.standard_normal((N, 2))
    else:
        x = own.values
    objective = cs.ScoreMatching(x)
    beta = SHARE * len(x)
    solution = cs.solve(objective, beta)
    trained = train_adam(
        objective,
        beta,
        learning_rate=RATES,
        n_epochs=60 if quick else 500,
        n_trials=3 if quick else 10,
        rng=SEED,
    )
    figure = Figure(figsize=(WIDTH, 3.7), layout="constrained")
    of = "three Gaussian clusters" if own is None else repr(own)
    title = f"Score matching in the plane, ReLU without skip, {of}, n = {len(x)}"
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(1, 3)
    draw_losses(axes[0], trained, solution.value, f"Loss, weight decay {beta:.4g}")
    title = f"Certified optimum,\n{solution.network.n_neurons} neurons, gap {solution.certificate.gap:.0e}"
    _field(axes[1], solution.network, x, title, own)
    adam = best_network(trained, best_rate(trained))
    _field(axes[2], adam, x, "Adam, best trial", own, lines=False)
    # Below the panels, which arrows fill.
    for ax in axes[1:]:
        legend(ax, loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=2)
    losses = loss_numbers(trained, solution.value)
    certificate = solution.certificate
    relative = certificate.gap / abs(solution.value)
    claims = {
        "no trial of Adam is below the certified optimum at any epoch": (
            losses["never_below_by_1e-8"],
            f"least gap {losses['least_gap_at_any_epoch']:.3g}",
        ),
        "the certificate covers all networks, to a relative gap of 1e-6": (
            certificate.scope == "global" and relative <= 1e-6,
            f"scope {certificate.scope}, relative gap {relative:.1g}",
        ),
    }
    parameters = {"seed": SEED, "n": len(x), "beta": beta, "learning_rates": RATES}
    parameters |= {"centers": CENTERS, "scale": SCALE} if own is None else {"data": own.parameters}
    numbers = {**losses, "n_neurons": solution.network.n_neurons, "certificate": vars(certificate)}
    return figure, report(claims, parameters, quick, **numbers)


def _field(ax, network, x, title, own, lines=True):
    """Draw a planar score as arrows, and the lines where it bends."""
    reach = 3.4 if own is None else 1.1 * float(np.abs(x).max())
    side = np.linspace(-reach, reach, 15)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    score = network(points)
    # The longest arrow of the clusters is about as long as a seventh of the side.
    longest = max(float(np.linalg.norm(score, axis=1).max()), 1e-12)
    ax.plot(*x.T, ".", color=SOFT, markersize=4, label="data")
    ax.quiver(*points.T, *score.T, color=INK, scale=7 * longest, width=0.005)
    ends = np.array([-2.0, 2.0]) * reach
    for number, (normal, offset) in enumerate(zip(network.W1, network.b1, strict=True) if lines else ()):
        foot = -offset * normal / (normal @ normal)
        along = np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
        label = "kink lines" if number == 0 else None
        ax.plot(*(foot[:, None] + along[:, None] * ends), "--", color=ACCENT, linewidth=0.8, label=label)
    if own is None:
        ax.plot(*np.transpose(CENTERS), "+", color=GREEN, markersize=9, label="cluster centers")
    names = ("x1", "x2") if own is None else own.labels
    limits = (-1.05 * reach, 1.05 * reach)
    ax.set(xlabel=names[0], ylabel=names[1], xlim=limits, ylim=limits, aspect="equal")
    ax.set_title(title)
    trim([ax])
