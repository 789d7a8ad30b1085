"""Panels that several figures have: losses of trials, scores, samples against densities."""

import numpy as np

from .common import ACCENT, GREEN, INK, SOFT, trim


def trials_of(result, rate):
    """Return the losses of the trials of one learning rate, shape ``(n_trials, n_epochs + 1)``."""
    return result.losses[result.learning_rates == rate]


def best_rate(result):
    """Return the learning rate of least median final loss."""
    rates = np.unique(result.learning_rates)
    return float(min(rates, key=lambda rate: np.median(trials_of(result, rate)[:, -1])))


def loss_numbers(result, optimum):
    """Return how far above the convex optimum Adam ends, for each rate, and the least loss it ever had."""
    gaps = {}
    for rate in np.unique(result.learning_rates):
        final = trials_of(result, rate)[:, -1] - optimum
        gaps[f"{rate:g}"] = {"best": final.min(), "median": np.median(final), "worst": final.max()}
    return {
        "convex_optimum": optimum,
        "final_gap_of_adam_by_rate": gaps,
        "least_gap_at_any_epoch": result.losses.min() - optimum,
        "never_below_by_1e-8": bool(result.losses.min() >= optimum - 1e-8 * abs(optimum)),
    }


def draw_losses(ax, result, optimum, what):
    """Draw the trials of the best rate over the optimum, a dashed line."""
    rate = best_rate(result)
    losses = trials_of(result, rate)
    epochs = np.arange(losses.shape[1])
    for number, trial in enumerate(losses):
        label = f"Adam, {len(losses)} trials" if number == 0 else None
        ax.plot(epochs, trial, color=INK, alpha=0.45, linewidth=0.9, label=label)
    ax.axhline(optimum, color=ACCENT, linestyle="--", linewidth=1.8, label="convex optimum")
    # The first epochs run off: the range is that of the losses after a tenth of them, and of the optimum.
    late = losses[:, epochs.size // 10 :]
    top = float(np.max(late[np.isfinite(late)]))
    height = max(top - optimum, 1e-3 * abs(optimum))
    ax.set_ylim(optimum - 0.08 * height, optimum + 1.35 * height)
    gaps = losses[:, -1] - optimum
    numbers = " / ".join(_short(value) for value in (gaps.min(), np.median(gaps), gaps.max()))
    ax.set_title(f"{what}, rate {rate:g}\nfinal gap, best / median / worst: {numbers}", fontsize=9)
    ax.set(xlabel="epoch", ylabel="training loss")
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    trim([ax])


def _short(value):
    # Below rounding of the loss there is no gap to speak of.
    return "0" if abs(value) < 1e-9 else f"{value:.2g}" if value < 1 else f"{value:.3g}"


def draw_scores(ax, grid, convex, adam, truth, title):
    """Draw the convex score with its kinks, Adam's and the true one."""
    inside = convex.kinks[(convex.kinks >= grid[0]) & (convex.kinks <= grid[-1])]
    ax.axhline(0, color=SOFT, linewidth=0.8, zorder=0)
    ax.plot(grid, truth, color=GREEN, linestyle="--", linewidth=1.3, label="truth")
    ax.plot(grid, adam(grid), color=INK, linestyle=":", linewidth=1.6, label="Adam, best trial")
    ax.plot(grid, convex(grid), color=ACCENT, linewidth=1.8, label="convex")
    ax.plot(inside, convex(inside), "o", color=ACCENT, markersize=4, label="kinks")
    shown = np.concatenate([convex(grid), truth[np.isfinite(truth)]])
    height = float(np.ptp(shown)) or 1.0
    ax.set_ylim(shown.min() - 0.1 * height, shown.max() + 0.45 * height)
    ax.set_title(title, fontsize=9)
    ax.set(xlabel="x", ylabel="score", xlim=(grid[0], grid[-1]))
    ax.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
    trim([ax])


def draw_samples(ax, sample, truth, span, title, curves=()):
    """Draw a histogram of samples against the true density and further ``(density, style, label)``.

    Where a curve is much flatter than the truth the scale is logarithmic, for a linear one would hide it.
    """
    x = np.linspace(*span, 801)
    if sample.size:
        # A few chains that escape move the distance more than anything in the frame.
        far = int(np.sum(np.abs(sample - np.mean(span)) > 2 * np.ptp(span)))
        label = f"{sample.size} samples" + (f", {far} far outside" if far else "")
        ax.hist(sample, bins=60, range=span, density=True, color=SOFT, label=label)
    peak = truth.pdf(x).max()
    ax.plot(x, truth.pdf(x), color=GREEN, linestyle="--", linewidth=1.5, label="truth")
    for density, style, label in curves:
        ax.plot(x, density(x), style, color=ACCENT, linewidth=1.6, label=label)
    flat = [density(x).max() for density, _, _ in curves]
    if flat and min(flat) < peak / 5:
        ax.set_yscale("log")
        ax.set_ylim(min(flat) / 100, 30 * peak)
    else:
        ax.set_ylim(0, 1.65 * max([peak, *flat]))
    ax.set_title(title, fontsize=9)
    ax.set(xlabel="x", ylabel="density", xlim=span)
    ax.legend(frameon=False, fontsize=8, loc="upper right")
    trim([ax])
