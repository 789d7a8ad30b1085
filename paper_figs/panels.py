"""Panels that several figures have: losses of trials, scores, samples against densities."""

import numpy as np

from .common import ACCENT, GREEN, INK, LETTERS, SOFT, trim


def trials_of(result, rate):
    """Return the losses of the trials of one learning rate, shape ``(n_trials, n_epochs + 1)``."""
    return result.losses[result.learning_rates == rate]


def best_rate(result):
    """Return the learning rate of least median final loss."""
    rates = np.unique(result.learning_rates)
    return float(min(rates, key=lambda rate: np.median(trials_of(result, rate)[:, -1])))


def best_network(result, rate):
    """Return the network of least final loss of a learning rate."""
    final = np.where(result.learning_rates == rate, result.losses[:, -1], np.inf)
    return result.networks[int(np.argmin(final))]


def loss_numbers(result, optimum):
    """Return how far above the convex optimum Adam ends, for each rate, and the least loss it ever had."""
    gaps = {}
    for rate in np.unique(result.learning_rates):
        final = trials_of(result, rate)[:, -1] - optimum
        gaps[f"{rate:g}"] = {"best": final.min(), "median": np.median(final), "worst": final.max()}
    return {
        "convex_optimum": optimum,
        "best_rate": best_rate(result),
        "final_gap_of_adam_by_rate": gaps,
        "least_gap_at_any_epoch": result.losses.min() - optimum,
        "never_below_by_1e-8": bool(result.losses.min() >= optimum - 1e-8 * abs(optimum)),
    }


def legend(ax, **options):
    """Add a legend that can be read in print, and is no wider than half a panel."""
    shape = {"fontsize": LETTERS, "handlelength": 1.5, "borderpad": 0.1, "labelspacing": 0.2}
    shape |= {"edgecolor": "none", "framealpha": 0.85}
    return ax.legend(**{**shape, "columnspacing": 1.0, "handletextpad": 0.5, "loc": "upper right", **options})


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
    top = float(np.max(late[np.isfinite(late)], initial=optimum))
    height = max(top - optimum, 1e-3 * abs(optimum))
    ax.set_ylim(optimum - 0.08 * height, optimum + 1.5 * height)
    gaps = losses[:, -1] - optimum
    best, median, worst = (_short(value) for value in (gaps.min(), np.median(gaps), gaps.max()))
    ax.set_title(f"{what}, rate {rate:g}\nfinal gap: best {best},\nmedian {median}, worst {worst}")
    ax.set(xlabel="epoch", ylabel="training loss")
    legend(ax)
    trim([ax])


def _short(value):
    # Below rounding of the loss there is no gap to speak of.
    return "0" if abs(value) < 1e-9 else f"{value:.2g}" if value < 1 else f"{value:.3g}"


def plural(count, word):
    """Return a number of things in words."""
    return f"{count} {word}{'s' * (count != 1)}"


def draw_scores(ax, grid, convex, adam, law, title, sigma=None):
    """Draw the convex score with its kinks, Adam's, and the law's own at a noise level where it has one."""
    inside = convex.kinks[(convex.kinks >= grid[0]) & (convex.kinks <= grid[-1])]
    shown = convex(grid)
    ax.axhline(0, color=SOFT, linewidth=0.8, zorder=0)
    if hasattr(law, "score"):
        truth = law.score(grid) if sigma is None else law.score(grid, sigma)
        ax.plot(grid, truth, color=GREEN, linestyle="--", linewidth=1.3, label="truth")
        shown = np.concatenate([shown, truth[np.isfinite(truth)]])
    ax.plot(grid, adam(grid), color=INK, linestyle=":", linewidth=1.6, label="Adam")
    ax.plot(grid, convex(grid), color=ACCENT, linewidth=1.8, label="convex")
    ax.plot(inside, convex(inside), "o", color=ACCENT, markersize=4, label="kinks")
    height = float(np.ptp(shown)) or 1.0
    ax.set_ylim(shown.min() - 0.1 * height, shown.max() + 0.5 * height)
    ax.set_title(title)
    ax.set(xlabel=law.axis, ylabel="score", xlim=(grid[0], grid[-1]))
    legend(ax, ncols=2)
    trim([ax])


def draw_samples(ax, sample, law, span, title, density=None):
    """Draw a histogram of samples against the law they should follow, and a density.

    Where the density is much flatter than the law the scale is logarithmic, for a linear one would hide it.
    """
    x = np.linspace(*span, 801)
    if sample is not None:
        # A few chains that escape move the distance more than anything in the frame.
        far = int(np.sum(np.abs(sample - np.mean(span)) > 2 * np.ptp(span)))
        label = f"{sample.size} samples" + (f",\n{far} far outside" if far else "")
        shares = np.full(sample.size, 60 / (sample.size * np.ptp(span)))
        ax.hist(sample, bins=60, range=span, weights=shares, color=SOFT, label=label)
    peak = _draw_law(ax, law, x, span)
    tops = [peak]
    if density is not None:
        ax.plot(x, density.pdf(x), color=ACCENT, linewidth=1.6, label="learned density")
        tops.append(density.pdf(x).max())
    if tops[-1] < peak / 5:
        ax.set_yscale("log")
        ax.set_ylim(tops[-1] / 100, 100 * peak)
    else:
        ax.set_ylim(0, 1.8 * max(tops))
    ax.set_title(title)
    ax.set(xlabel=law.axis, ylabel="density", xlim=span)
    legend(ax)
    trim([ax])


def _draw_law(ax, law, x, span):
    """Draw the law's density, or a histogram of own data; return its height."""
    if hasattr(law, "pdf"):
        ax.plot(x, law.pdf(x), color=GREEN, linestyle="--", linewidth=1.5, label=law.label)
        return law.pdf(x).max()
    shares = np.full(law.values.size, 30 / (law.values.size * np.ptp(span)))
    shape = {"histtype": "step", "color": GREEN, "linestyle": "--", "label": law.label}
    return ax.hist(law.values, bins=30, range=span, weights=shares, **shape)[0].max()
