"""Whether gradient descent without weight decay finds the network of least weight.

Denoising score matching of a few points: eight clean points evenly on [-2, 2], noise 0.5, drawn again until
noisy neighbours are 0.3 apart, for descent takes forever to part two points with other labels.  ReLU
networks without skip of width 100, weights and biases of both layers normal of one scale, plain descent on
all points (``plain_descent.py``), from scales of 0.01 to 1.

A trial that stops has a loss ``L`` and a cost, ``C = sum |v w|``: half its squared weights after each
neuron is balanced, and that of its function, for all kinks differ.  For every network and weight decay
``beta``,

    L + beta C  >=  p*(beta)  >=  d(beta),

the certified dual value; so no network of loss ``L`` costs less than ``max_beta (d(beta) - L) / beta``.
The ratio of ``C`` and that is the excess of descent, whether or not it has met the labels, and at ``L = 0``
the excess over the network of least weight that meets them.  That one is computed a second way, by a linear
program (``least_norm.py``); and so is the least cost when biases count too, as they do for descent, which
treats all weights alike.  Adam has a small weight decay, and PyTorch's starts.  Chosen by us: all numbers
above; eight data sets; steps of one over a bound on the largest curvature; the best of six of Adam's trials.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, GREEN, INK, SOFT, main, report, trim
from .least_norm import least_norm
from .plain_descent import started
from .trials import mean_and_error

SEED, POINTS, NOISE, APART = 0, 8, 0.5, 0.3
WIDTH, SCALES = 100, (0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
SETS, STEPS, SEEN = 8, 60_000, 30
#: A trial has met the labels when this share of the loss of the zero score is left.
MET = 1e-3
DECAYS = np.geomspace(1e-6, 30, 90)
ADAM_DECAY, ADAM_TRIALS, ADAM_RATES = 0.01, 3, (0.003, 0.01)
SHOWN = (0.1, 0.4, 1.0)


def draw(quick=False):
    """Return the figure and its numbers."""
    n_sets, scales, n_steps = (2, (0.03, *SHOWN), 2500) if quick else (SETS, SCALES, STEPS)
    seeds = [seed.spawn(3) for seed in np.random.SeedSequence(SEED).spawn(n_sets)]
    data = [sample(np.random.default_rng(drawing)) for drawing, _, _ in seeds]
    fronts = [Front(x, labels) for x, labels in data]
    starts = [np.random.default_rng(one) for _, of_set, _ in seeds for one in of_set.spawn(len(scales))]
    descent = started(
        *(np.repeat(rows, len(scales), axis=0) for rows in zip(*data, strict=True)),
        np.tile(scales, n_sets),
        WIDTH,
        starts,
    )
    seen = descend(descent, n_steps)
    runs = [
        _run(front, descent, number, seen)
        for number, front in enumerate(front for front in fronts for _ in scales)
    ]
    adam = [
        _adam(front, np.random.default_rng(start), 300 if quick else 4000)
        for front, (_, _, start) in zip(fronts, seeds, strict=True)
    ]
    figure = Figure(figsize=(7.5, 3.1), layout="constrained")
    axes = figure.subplots(1, 3)
    excess = by_scale(runs, scales)
    _draw_functions(axes[0], fronts[0], descent, scales)
    _draw_plane(axes[1], fronts[0], seen[:, :, : len(scales)], adam[0], scales)
    _draw_excess(axes[2], excess, adam)
    trim(axes)
    return figure, _report(fronts, runs, adam, excess, scales, n_steps, quick)


def sample(rng):
    """Return noisy points, none near another, and their labels."""
    while True:
        noise = rng.standard_normal(POINTS)
        x = np.linspace(-2, 2, POINTS) + NOISE * noise
        if np.diff(np.sort(x)).min() >= APART:
            return x, -noise / NOISE


class Front:
    """The least cost at each loss, of one data set: certified solutions over a grid of weight decays."""

    def __init__(self, x, labels):
        self.x, self.labels = x, labels
        self.objective = cs.DenoisingScoreMatching(x, labels)
        self.solutions = [cs.solve(self.objective, beta) for beta in DECAYS]
        self.duals = np.array([solution.certificate.dual for solution in self.solutions])
        self.exact = least_norm(x, labels)
        self.with_biases = least_norm(x, labels, biases_count=True)
        self.zero_loss = 0.5 * np.sum(labels**2)

    def bound(self, loss):
        """Return a lower bound on the cost of every network with this loss."""
        return float(np.max((self.duals - loss) / DECAYS, initial=0.0))

    @property
    def points(self):
        """The losses and costs of the solutions."""
        costs = [solution.network.weight_decay() for solution in self.solutions]
        return np.array([self.objective.loss(s.network) for s in self.solutions]), np.array(costs)

    @property
    def largest_gap(self):
        """The largest gap of a solution, in its value's scale."""
        return max(s.certificate.gap / s.certificate.value_scale for s in self.solutions)


def descend(descent, n_steps):
    """Run descent; return losses and costs at growing times, shape ``(2, n_times, n_trials)``."""
    times = np.unique(np.geomspace(20, n_steps, SEEN).astype(int))
    seen = [(descent.losses(), descent.costs())]
    for steps in np.diff(times, prepend=0):
        descent.run(int(steps))
        seen.append((descent.losses(), descent.costs()))
    return np.swapaxes(seen, 0, 1)


def _run(front, descent, number, seen):
    """Return what came of one trial."""
    loss, cost = seen[:, -1, number]
    with_biases = float(descent.costs(biases_count=True)[number])
    return {
        "relative_loss": loss / front.zero_loss,
        "loss": loss,
        "cost": cost,
        "cost_of_unbalanced_weights": float(descent.weights()[number]),
        "least_cost_at_this_loss": front.bound(loss),
        "excess": cost / front.bound(loss),
        "excess_of_unbalanced_weights": float(descent.weights()[number]) / front.bound(loss),
        "cost_over_exact": cost / front.exact.cost,
        "cost_with_biases_over_exact_with_biases": with_biases / front.with_biases.cost,
    }


def _adam(front, rng, n_epochs):
    """Return the best of Adam's trials with small weight decay."""
    result = train_adam(
        front.objective,
        ADAM_DECAY,
        n_neurons=WIDTH,
        learning_rate=ADAM_RATES,
        schedule="cosine",
        n_epochs=n_epochs,
        n_trials=ADAM_TRIALS,
        rng=rng,
        keep_best=True,
    )
    network = result.best
    loss = front.objective.loss(network)
    cost = float(np.sum(np.abs(network.W1[:, 0] * network.W2[0])))
    optimum = cs.solve(front.objective, ADAM_DECAY)
    return {
        "relative_loss": loss / front.zero_loss,
        "loss": loss,
        "cost": cost,
        "excess": cost / front.bound(loss),
        "value_over_optimum": result.best_loss / optimum.value,
    }


def by_scale(runs, scales):
    """Return means and standard errors over data sets for each initial scale."""
    kinds = ("excess", "excess_of_unbalanced_weights", "cost_with_biases_over_exact_with_biases")
    table = {kind: np.reshape([run[kind] for run in runs], (-1, len(scales))) for kind in kinds}
    pairs = {kind: np.transpose([mean_and_error(column) for column in table[kind].T]) for kind in kinds}
    left = np.reshape([run["relative_loss"] for run in runs], (-1, len(scales)))
    return {
        "scales": scales,
        **{kind: pairs[kind][0] for kind in kinds},
        "standard_errors": {kind: pairs[kind][1] for kind in kinds},
        "share_that_met_the_labels": np.mean(left <= MET, axis=0),
        "median_relative_loss": np.median(left, axis=0),
    }


def _draw_functions(ax, front, descent, scales):
    """Draw the function of least weight of one data set, and what descent found."""
    grid = np.linspace(front.x.min() - 0.3, front.x.max() + 0.3, 400)
    ax.plot(grid, front.exact(grid), color=SOFT, linewidth=4, label="least weight")
    for scale, (color, style) in zip(SHOWN, _looks(), strict=True):
        number = scales.index(scale)
        w, b, v = (weights[number] for weights in (descent.w, descent.b, descent.v))
        values = np.maximum(np.multiply.outer(grid, w) + b, 0) @ v + descent.c[number]
        ax.plot(grid, values, style, color=color, linewidth=1.1, label=f"from {scale:g}")
    ax.plot(front.x, front.labels, "ko", markersize=3.5)
    low, high = ax.get_ylim()
    ax.set(xlabel="x", ylabel="score", ylim=(low, high + 0.55 * (high - low)))
    ax.set_title("One data set", fontsize=9)
    ax.legend(frameon=False, fontsize=8, loc="upper center", ncols=2, handlelength=1.4, columnspacing=0.8)


def _looks():
    return (INK, "-"), (GREEN, "--"), (ACCENT, ":")


def _draw_plane(ax, front, seen, adam, scales):
    """Draw the least cost at each loss and the ways of descent."""
    losses, costs = front.points
    inside = losses > 1e-7 * front.zero_loss
    ax.plot(losses[inside] / front.zero_loss, costs[inside], color=SOFT, linewidth=4, label="least")
    for scale, (color, style) in zip(SHOWN, _looks(), strict=True):
        losses, costs = seen[:, :, scales.index(scale)]
        ax.plot(losses / front.zero_loss, costs, style, color=color, linewidth=1.1)
    ax.plot(adam["relative_loss"], adam["cost"], "k*", markersize=7, label="Adam")
    # Descent goes on to the right until nothing but rounding is left.
    ax.set(xscale="log", yscale="log", xlabel="loss / loss of zero", ylabel="cost", xlim=(30, 1e-6))
    ax.set_ylim(bottom=0.5)
    ax.set_title("Its loss and cost", fontsize=9)
    ax.legend(frameon=False, fontsize=8, loc="lower right")


def _draw_excess(ax, excess, adam):
    """Draw cost over least cost against the initial scale."""
    labels = {"excess": ("function", "o-", INK), "excess_of_unbalanced_weights": ("weights", "s--", ACCENT)}
    for kind, (label, style, color) in labels.items():
        ax.errorbar(
            excess["scales"], excess[kind], excess["standard_errors"][kind], fmt=style, color=color,
            markersize=4, markerfacecolor="none", linewidth=1.0, label=f"descent, {label}",
        )  # fmt: skip
    ax.axhline(
        np.mean([one["excess"] for one in adam]), color="k", linestyle="-.", linewidth=1.1, label="Adam"
    )
    ax.axhline(1.0, color=SOFT, linewidth=4, zorder=0)
    ax.set(xscale="log", yscale="log", xlabel="initial scale", ylabel="cost / least at its loss")
    ax.set_yticks([1, 2, 5], ["1", "2", "5"])
    ax.set_yticks([], minor=True)
    ax.set_title("All data sets", fontsize=9)
    ax.legend(frameon=False, fontsize=8, loc="upper left")


def _report(fronts, runs, adam, excess, scales, n_steps, quick):
    """Return claims and numbers."""
    means = excess["excess"]
    small = np.array(scales) <= 0.1
    met = [run for run in runs if run["relative_loss"] <= MET]
    claims = {
        "the linear program and the certified solutions agree on the least cost": all(
            abs(front.bound(0.0) / front.exact.lower - 1) <= 1e-3 for front in fronts
        ),
        "no trial costs less than the certified bound at its loss": min(
            one["excess"] for one in [*runs, *adam]
        )
        >= 1 - 1e-9,
        "every trial of descent meets the labels": len(met) == len(runs),
        "from scales of at most 0.1 descent costs at most 5 % more than the least at its loss": bool(
            np.all(means[small] <= 1.05)
        ),
        "the smaller the scale, the nearer to the least": bool(np.all(np.diff(means) > 0)),
        "from the best of the scales descent costs at most 5 % more than the least at its loss": bool(
            means.min() <= 1.05
        ),
        "from a scale of 1 descent costs at least twice the least": bool(means[-1] >= 2),
        "Adam with small weight decay costs at most 5 % more than the least at its loss": bool(
            np.mean([one["excess"] for one in adam]) <= 1.05
        ),
    }
    parameters = {
        "seed": SEED,
        "points": POINTS,
        "noise": NOISE,
        "least_distance": APART,
        "data_sets": len(fronts),
        "width": WIDTH,
        "steps": n_steps,
        "adam": {"beta": ADAM_DECAY, "rates": ADAM_RATES, "trials": ADAM_TRIALS},
    }
    return report(
        claims,
        parameters,
        quick,
        standard_errors=excess["standard_errors"],
        exact_costs=[front.exact.cost for front in fronts],
        exact_lower_bounds=[front.exact.lower for front in fronts],
        exact_costs_with_biases=[front.with_biases.cost for front in fronts],
        largest_relative_gap=max(front.largest_gap for front in fronts),
        by_scale={key: value for key, value in excess.items() if key != "standard_errors"},
        least_excess=min(run["excess"] for run in runs),
        trials=len(runs),
        trials_that_met_the_labels=len(met),
        adam_excess=mean_and_error([one["excess"] for one in adam]),
        adam_value_over_optimum=mean_and_error([one["value_over_optimum"] for one in adam]),
        adam=adam,
        runs=runs,
    )


if __name__ == "__main__":
    main(__doc__, "least_weight")
