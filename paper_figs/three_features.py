"""Experiment: how often Adam's network is optimal in three dimensions, and by how much it is not.

Small problems of three features, ReLU with a skip connection: four of five denoising, the fifth score
matching, at weight decays at three shares of the way from the smallest with an optimum to the threshold
above which no neuron is left.  `solve` proves the optimum of each, for networks of every width, by branch and
bound; proofs that do not end are counted, and such problems are judged by the bound that was proven.

Adam trains the same loss from several starts at each of three rates, 50 neurons wide, and the best trial
counts.  Its gap is certified, ``loss - lower bound``, and measured as a share of what neurons gain at all:
the value of the best straight score minus the optimum.
"""

import warnings

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs

from .common import ACCENT, INK, SOFT, main, report, trim

__all__ = ["draw"]

N, SHARES, RATES, WIDTH = 16, (0.4, 0.55, 0.7), (1e-2, 3e-2, 1e-1), 50
#: A trial is optimal if its certified gap is below this share of what neurons gain.
OPTIMAL = (1e-3, 1e-2, 1e-1)
N_BOXES = 20_000
KINDS = ("score matching", "denoising")


def problems(count):
    """Yield objectives with the share of the way to the threshold, and a source of randomness."""
    for number, sequence in enumerate(np.random.SeedSequence(7).spawn(count)):
        rng = np.random.default_rng(sequence)
        centres = 1.5 * rng.standard_normal((2, 3))
        X = centres[np.arange(N) % 2] + rng.standard_normal((N, 3))
        denoising = number % 5 != 4
        objective = (
            cs.DenoisingScoreMatching.from_clean(X, 0.7, rng=rng) if denoising else cs.ScoreMatching(X)
        )
        yield objective, SHARES[number % len(SHARES)], sequence


def judged(objective, share, sequence, n_trials, n_epochs):
    """Return what is known of one problem: the optimum, the bound, and the gaps of Adam's trials."""
    known = cs.beta_bounds(objective, skip=True)
    beta = known.minimum + share * (known.linear - known.minimum)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        solution = cs.solve(objective, beta, skip=True, max_boxes=N_BOXES)
    result = cs.train_adam(
        objective,
        beta,
        skip=True,
        n_neurons=WIDTH,
        learning_rate=RATES,
        n_trials=n_trials,
        n_epochs=n_epochs,
        rng=np.random.default_rng(sequence.spawn(1)[0]),
    )
    final = np.min(result.losses, axis=1)
    straight = cs.solve(objective, 1.001 * known.linear, skip=True, max_boxes=1).value
    bound = solution.certificate.lower_bound
    return {
        "kind": "denoising" if isinstance(objective, cs.DenoisingScoreMatching) else "score matching",
        "share": share,
        "beta": beta,
        "value": solution.value,
        "lower_bound": bound,
        "proven": solution.certificate.scope == "global" and solution.status == "optimal",
        "gain": straight - solution.value,
        "n_neurons": solution.network.n_neurons,
        "relative_gap": (solution.value - bound) / solution.certificate.value_scale,
        "least_trial_below": float(final.min() - solution.value),
        "best_gap": float(final.min() - bound),
        "gap_by_rate": {
            f"{rate:g}": (final[result.learning_rates == rate] - bound).tolist() for rate in RATES
        },
    }


def draw(quick):
    """Return the figure and the numbers behind it."""
    count, n_trials, n_epochs = (5, 3, 200) if quick else (50, 5, 1000)
    rows = [judged(*problem, n_trials, n_epochs) for problem in problems(count)]
    shares = np.array([row["best_gap"] / row["gain"] for row in rows])
    proven = np.array([row["proven"] for row in rows])
    trials = np.array([np.concatenate(list(row["gap_by_rate"].values())) / row["gain"] for row in rows])
    frequency = {f"{level:g}": float(np.mean(shares <= level)) for level in OPTIMAL}
    errors = {key: float(np.sqrt(value * (1 - value) / count)) for key, value in frequency.items()}
    lowest = min(row["least_trial_below"] / max(abs(row["value"]), 1e-12) for row in rows)
    claims = _claims(rows, proven, frequency, errors)
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    _draw_shares(axes[0], rows, shares, trials)
    _draw_rates(axes[1], rows)
    trim(axes)
    parameters = {"n_problems": count, "n": N, "shares": SHARES, "rates": RATES, "width": WIDTH}
    parameters |= {"n_trials": n_trials, "n_epochs": n_epochs, "max_boxes": N_BOXES}
    return figure, report(
        claims,
        parameters,
        quick,
        standard_errors={"frequency": errors},
        frequency_of_best_within=frequency,
        frequency_of_single_trial_within_a_hundredth=_single(rows),
        n_proven=int(proven.sum()),
        median_share_of_best=float(np.median(shares)),
        largest_share_of_best=float(shares.max()),
        median_share_of_trials=float(np.median(trials)),
        least_relative_difference_to_optimum=float(lowest),
        median_share_by_kind={
            kind: float(np.median([row["best_gap"] / row["gain"] for row in rows if row["kind"] == kind]))
            for kind in KINDS
        },
        n_by_kind={kind: sum(row["kind"] == kind for row in rows) for kind in KINDS},
        worst_relative_gap=float(max(row["relative_gap"] for row in rows)),
        problems=rows,
    )


def _claims(rows, proven, frequency, errors):
    never = min(row["best_gap"] / row["gain"] for row in rows)
    near, error, single = frequency["0.01"], errors["0.01"], _single(rows)
    stuck = {kind: _stuck([row for row in rows if row["kind"] == kind]) for kind in KINDS}
    return {
        "every optimum is proven for networks of every width": (
            bool(proven.all()),
            f"{proven.sum()} of {proven.size}",
        ),
        "no trial of Adam is below a proven bound": (bool(never >= 0), f"least gap {never:.1e} of the gain"),
        "the best of Adam's trials misses at most a hundredth of the gain on most problems": (
            near - 2 * error > 0.5,
            f"on {near:.2f} +- {error:.2f} of them",
        ),
        "a single trial at the best rate does so less than half the time": (single < 0.5, f"{single:.2f}"),
        "Adam finds the kinks of score matching: its best trial gains half of what there is": (
            stuck["score matching"] < 0.5,
            f"it does not on {stuck['score matching']:.2f} of them, in denoising on {stuck['denoising']:.2f}",
        ),
    }


def _stuck(rows):
    """Return on which share of problems the best trial misses more than half of the gain."""
    return float(np.mean([row["best_gap"] > 0.5 * row["gain"] for row in rows]))


def _single(rows):
    """Return the largest frequency, over rates, of single trials within a hundredth of the gain."""
    found = []
    for rate in RATES:
        gaps = [np.array(row["gap_by_rate"][f"{rate:g}"]) / row["gain"] for row in rows]
        found.append(float(np.mean(np.concatenate(gaps) <= 1e-2)))
    return max(found)


def _draw_shares(ax, rows, shares, trials):
    """Draw the share of the gain that is missed, sorted: of the best trial, and the range of all."""
    order = np.argsort(shares)
    place = np.arange(order.size)
    low, middle = 1e-9, np.median(trials, axis=1)[order]
    ax.vlines(place, np.maximum(shares[order], low), middle, color=SOFT, linewidth=1.5)
    ax.plot(place, middle, "_", color=INK, markersize=5, label="median of all trials")
    for kind, marker in (("score matching", "o"), ("denoising", "s")):
        chosen = np.array([rows[i]["kind"] == kind for i in order])
        look = {"color": ACCENT, "markersize": 4, "markerfacecolor": ACCENT if marker == "o" else "white"}
        ax.plot(place[chosen], np.maximum(shares[order][chosen], low), marker, label=f"best, {kind}", **look)
    ax.axhline(1e-2, color=INK, linewidth=0.8, linestyle="--")
    ax.set(yscale="log", xlabel="problem, sorted", ylabel="certified gap / gain of neurons")
    ax.set_ylim(top=30 * max(1.0, float(middle.max())))
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    ax.set_title(f"{order.size} problems of three features")


def _draw_rates(ax, rows):
    """Draw how many trials of each rate are within a share of the gain."""
    grid = np.geomspace(1e-6, 10, 200)
    for rate, style in zip(RATES, (":", "-", "--"), strict=True):
        gaps = np.concatenate([np.array(row["gap_by_rate"][f"{rate:g}"]) / row["gain"] for row in rows])
        ax.plot(
            grid,
            [np.mean(gaps <= level) for level in grid],
            style,
            color=INK,
            label=f"one trial, rate {rate:g}",
        )
    best = np.array([row["best_gap"] / row["gain"] for row in rows])
    ax.plot(
        grid, [np.mean(best <= level) for level in grid], color=ACCENT, linewidth=1.8, label="best of all"
    )
    ax.set(
        xscale="log",
        ylim=(0, 1.02),
        xlabel="certified gap / gain of neurons",
        ylabel="share of trials within",
    )
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    ax.set_title("How often Adam is this near")


if __name__ == "__main__":
    main(__doc__, "three_features")
