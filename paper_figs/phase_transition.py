"""Below the critical temperature: where mean-field posterior means of spins fail, and what samples suffer.

Mei & Wu ("Deep networks as denoising algorithms", 2023) assume that the variational free energy has one
minimum.  In the Curie-Weiss model at ``strength > 1`` it has two, near ``m*`` and ``-m*``,
``m* = tanh(strength m*)``, and an iteration from ``tanh(field)`` goes to the nearer.  As long as the signal
``tau = 1 / sigma^2`` of ``d`` spins, ``N = d tau m*^2``, is of order one, the exact posterior is divided
between both.  With ``U = N + sqrt(N) g``, ``g`` normal, the log odds are ``2 U``, the exact mean of a spin
tends to ``m* tanh U`` and the mean-field one to ``m* sign U``, so that in OU time ``t``

    E |s_k - s|^2 -> N E (sign U - tanh U)^2,    N = d m*^2 / (e^2t - 1),

whatever the strength: a window at ``t = log(d) / 2 + const`` of constant height.  Samples drift by
``dU = sign(U) dN + dB`` in place of ``tanh(U) dN``: from ``U = u`` at ``N = 0``, which a field ``u / (d m*)``
makes, they end in the upper lobe with probability ``1 - exp(-2u) / 2`` in place of ``1 / (1 + exp(-2u))``.

Chosen by us: strength 1.5; means by the orders 1 and 2 of `plefka`; the ``u`` at which the two probabilities
differ most; 60 noise levels from ``8 sqrt(d)`` to 0.3 and the ancestral rule for samples.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

import convexscore as cs

from .common import ACCENT, GREEN, INK, SOFT, main, report, trim
from .equal_spins import draw_nodes, exact_means, magnetization_law
from .plefka import EqualCouplings, fixed_point

SEED, STRENGTH, N_LEVELS = 0, 1.5, 60
# OU times of the grid, less log(d) / 2.
OFFSETS = np.arange(-1.0, 2.01, 0.25)
# 1 - x / 2 - 1 / (1 + x) is largest at x = sqrt(2) - 1.
U = -0.5 * np.log(np.sqrt(2) - 1)
NAMES = {1: "mean field", 2: "TAP"}
_NODES = np.polynomial.legendre.leggauss(200)


def spontaneous_mean(strength):
    """Return the positive solution of ``m = tanh(strength m)``."""
    return brentq(lambda m: m - np.tanh(strength * m), 1e-6, 1.0, xtol=1e-15)


def limit_error(signal):
    """Return ``E (sign U - tanh U)^2``, ``U`` normal of mean and variance `signal`, a number above 0."""
    # The square is that of 1 - tanh |U|, and |U| has the density 2 exp(-N/2) cosh(u) N(u; 0, N).
    nodes, weights = _NODES
    reach = signal + 12 * np.sqrt(signal)
    u = reach * (nodes + 1) / 2
    density = np.exp(-((u - signal) ** 2) / (2 * signal)) + np.exp(-((u + signal) ** 2) / (2 * signal))
    return reach / 2 * weights @ (density * (1 - np.tanh(u)) ** 2) / np.sqrt(2 * np.pi * signal)


def limit_peak():
    """Return the signal at which ``N E (sign U - tanh U)^2`` is largest, and its value there."""
    found = minimize_scalar(lambda n: -n * limit_error(n), bounds=(0.05, 5.0), method="bounded")
    return found.x, -found.fun


def draw(quick=False):
    """Return the figure and its numbers."""
    signal, height = limit_peak()
    limit = {
        "spontaneous_mean": spontaneous_mean(STRENGTH),
        "signal_at_peak": signal,
        "height": height,
        "path_divergence": 0.5 * quad(limit_error, 0, np.inf)[0],
        "share_by_mean_field": 1 - np.exp(-2 * U) / 2,
        "share": 1 / (1 + np.exp(-2 * U)),
    }
    streams = np.random.SeedSequence(SEED).spawn(2)
    sizes = (10, 100, 1000) if quick else (10, 32, 100, 316, 1000, 3162, 10_000, 31_623, 100_000)
    windows = _windows(sizes, streams[0], 3 if quick else 8, 32 if quick else 128)
    samples = _sampling(((16, 300),) if quick else ((16, 1000), (64, 1000), (256, 500)), streams[1])
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    _draw_windows(left, windows, limit)
    _draw_locations(middle, windows, limit)
    _draw_samples(right, samples[-1])
    for ax in (left, middle, right):
        ax.tick_params(labelsize=8)
    trim((left, middle, right))
    return figure, _report(windows, samples, limit, quick)


def window_errors(d, n, rng, orders, offsets=OFFSETS, strength=STRENGTH):
    """Return ``E |s_k - s|^2`` and ``(1/d) E |m_k - m|^2`` by order and offset, and a share of rows.

    It is the largest share of rows that still move at the last step of an iteration.
    """
    taus = 1 / np.expm1(2 * (0.5 * np.log(d) + offsets))
    spins, noise, weights = draw_nodes(d, strength, n, taus.max(), rng)
    model = EqualCouplings(strength / d, weights)
    means, moving = np.empty((len(orders), len(offsets))), 0.0
    for place, tau in enumerate(taus):
        fields = tau * spins + np.sqrt(tau) * noise
        exact = exact_means(strength, d, fields, weights)
        for row, order in enumerate(orders):
            mean, last = fixed_point(model, fields, order, 1.0 if order == 1 else 0.5, 1e-8)
            means[row, place] = (weights * (mean - exact) ** 2).sum(1).mean() / d
            moving = max(moving, np.mean(last > 1e-3))
    # The score of z = e^-t x + sqrt(1 - e^-2t) xi is (e^-t m - z) / (1 - e^-2t).
    return d * means * taus * (1 + taus), means, moving


def peak_of(errors, offsets=OFFSETS):
    """Return place and height of the parabola through the logarithms of the largest value's neighbours."""
    top = int(np.clip(np.argmax(errors), 1, len(errors) - 2))
    curve = np.polyfit(offsets[top - 1 : top + 2] - offsets[top], np.log(errors[top - 1 : top + 2]), 2)
    place = -curve[1] / (2 * curve[0])
    return offsets[top] + place, np.exp(np.polyval(curve, place))


def _windows(sizes, stream, n_seeds, n):
    """Return errors by dimension, order and offset, and the peaks by seed."""
    orders = tuple(NAMES)
    shape = (n_seeds, len(sizes), len(orders))
    scores, means = np.empty((*shape, len(OFFSETS))), np.empty((*shape, len(OFFSETS)))
    moving = 0.0
    for seed, child in enumerate(stream.spawn(n_seeds)):
        for place, (d, source) in enumerate(zip(sizes, child.spawn(len(sizes)), strict=True)):
            count = max(64, min(n, 10**7 // d))
            measured = window_errors(d, count, np.random.default_rng(source), orders)
            scores[seed, place], means[seed, place] = measured[:2]
            moving = max(moving, measured[2])
    logs = np.log(sizes)
    taus = 1 / np.expm1(2 * (0.5 * np.log(np.array(sizes))[:, None] + OFFSETS))[:, None]
    rates = np.array(sizes)[:, None, None] * taus * means
    # Beyond the last offset the error of the means is what it is there.
    paths = 0.5 * (rates[..., -1] - np.trapezoid(rates, np.log(taus), axis=-1))
    entry = {"d": list(sizes), "offsets": OFFSETS, "largest_share_of_rows_that_move": moving}
    for row, name in enumerate(NAMES.values()):
        entry[name.replace(" ", "_")] = {
            "score_errors": _both(scores[:, :, row]),
            "mean_error_at_the_last_offset": _both(means[:, :, row, -1]),
            "peak_times": jackknife(lambda mean: _peaks(mean, logs)[0], scores[:, :, row]),
            "peak_heights": jackknife(lambda mean: _peaks(mean, logs)[1], scores[:, :, row]),
            "slope_of_peak_time_in_log_d": jackknife(
                lambda mean: np.polyfit(logs, _peaks(mean, logs)[0], 1)[0], scores[:, :, row]
            ),
            "path_divergence_up_to_the_first_offset": _both(paths[:, :, row]),
        }
    return entry


def _peaks(errors, logs):
    """Return OU times and heights of the peaks of errors (n_sizes, n_offsets)."""
    offsets, heights = np.transpose([peak_of(row) for row in errors])
    return 0.5 * logs + offsets, heights


def jackknife(function, runs):
    """Return a function of the mean over the first axis, and its standard error.

    The largest of noisy values is too large on average: a mean over all seeds has less of that than each.
    """
    n = len(runs)
    left_out = np.stack([function((runs.sum(0) - run) / (n - 1)) for run in runs])
    error = np.sqrt((n - 1) / n * ((left_out - left_out.mean(0)) ** 2).sum(0))
    return {"mean": function(runs.mean(0)), "standard_error": error}


def _both(runs):
    return {"mean": runs.mean(0), "standard_error": runs.std(0, ddof=1) / np.sqrt(len(runs))}


def _sampling(sizes, stream):
    """Return what the laws of the magnetization are, with and without a field, by dimension."""
    entries = []
    for (d, n), child in zip(sizes, stream.spawn(len(sizes)), strict=True):
        entry = {"d": d, "samples": n}
        for kind, u in (("without_field", 0.0), ("with_field", U)):
            field = u / (d * spontaneous_mean(STRENGTH))
            sums, law = magnetization_law(d, STRENGTH, field)
            noise, independent = child.spawn(2)
            rng = np.random.default_rng(independent)
            runs = {
                "mean_field": sample_sums(mean_field_means(d), d, n, field, noise),
                "exact_means": sample_sums(lambda h, d=d: exact_means(STRENGTH, d, h), d, n, field, noise),
                "independent": rng.choice(sums, n, p=law),
            }
            entry[kind] = {name: compared(run, sums, law) for name, run in runs.items()}
            entry[kind]["law"] = {"upper_share": _upper(sums) @ law, "width": _width(sums, law)}
            entry[kind]["histogram"] = {
                "sums": sums,
                "law": law,
                **{k: _counts(v, sums) for k, v in runs.items()},
            }
        entries.append(entry)
    return entries


def mean_field_means(d, strength=STRENGTH):
    """Return the function from fields to mean-field means of `d` spins."""
    model = EqualCouplings(strength / d)
    return lambda fields: fixed_point(model, fields, 1, 1.0, 1e-5)[0]


def sample_sums(means, d, n, field, noise):
    """Return the sums of `n` samples of spins by the ancestral rule with these posterior means."""
    rng = np.random.default_rng(noise)
    sigmas = cs.samplers.sigma_grid(8 * np.sqrt(d), 0.3, N_LEVELS)
    # Without signal the posterior is the law itself: the first step is exact.
    start = means(np.full((1, d), field)) + sigmas[0] * rng.standard_normal((n, d))

    def score(y, sigma):
        return (means(y / sigma**2 + field) - y) / sigma**2

    last = cs.samplers.reverse(score, sigmas, n, d, rng=rng, rule="ancestral", x0=start, denoise=True)
    return np.where(rng.random(last.shape) < (1 + last) / 2, 1.0, -1.0).sum(1)


def compared(run, sums, law):
    """Return share, width and distance of sampled sums, in means of a spin, with standard errors."""
    d, n = sums[-1], len(run)
    share = _upper(run).mean()
    counts = _counts(run, sums)
    gaps = np.abs(np.cumsum(counts / n - law))
    return {
        "upper_share": share,
        "standard_error_of_share": np.sqrt(share * (1 - share) / n),
        "width": _width(sums, counts / n),
        "wasserstein": gaps.sum() * 2 / d,
        "total_variation": 0.5 * np.abs(counts / n - law).sum(),
    }


def _upper(sums):
    # A sum of zero is in both lobes by half.
    return (np.sign(sums) + 1) / 2


def _width(sums, law):
    """Return the standard deviation of the size of the magnetization, the width of a lobe."""
    size = np.abs(sums) / sums[-1]
    return np.sqrt(law @ size**2 - (law @ size) ** 2)


def _counts(run, sums):
    return np.bincount(((run - sums[0]) / 2).astype(int), minlength=len(sums))


def _draw_windows(ax, windows, limit):
    entry = windows["mean_field"]["score_errors"]
    shown = [place for place, d in enumerate(windows["d"]) if np.log10(d) % 1 < 1e-9]
    marks = zip(shown, ("o", "s", "^", "D", "v"), strict=False)
    for place, marker in marks:
        times = 0.5 * np.log(windows["d"][place]) + OFFSETS
        mean, error = entry["mean"][place], entry["standard_error"][place]
        label = f"$d = 10^{round(np.log10(windows['d'][place]))}$"
        ax.errorbar(times, mean, 2 * error, fmt=marker + "-", color=INK, ms=3, lw=0.8, label=label)
    for place in shown:
        times = 0.5 * np.log(windows["d"][place]) + OFFSETS
        signals = windows["d"][place] * limit["spontaneous_mean"] ** 2 / np.expm1(2 * times)
        curve = [n * limit_error(n) for n in signals]
        ax.plot(times, curve, "--", color=ACCENT, lw=1.1, label="limit" if place == shown[-1] else None)
    ax.set_ylim(0, 1.9 * limit["height"])
    ax.set_title("score error of mean field", fontsize=9)
    ax.set_xlabel("OU time t", fontsize=8)
    ax.set_ylabel(r"$E\,|s_k - s|^2$", fontsize=8)
    ax.legend(frameon=False, fontsize=8, ncols=2, columnspacing=0.8, handlelength=1.6, loc="upper right")


def _draw_locations(ax, windows, limit):
    sizes = np.array(windows["d"], dtype=float)
    for name, (marker, color, face) in zip(
        NAMES.values(), (("o", INK, INK), ("s", ACCENT, "none")), strict=True
    ):
        entry = windows[name.replace(" ", "_")]
        slope = entry["slope_of_peak_time_in_log_d"]
        label = f"{name}: {slope['mean']:.3f} $\\pm$ {slope['standard_error']:.3f}"
        times = entry["peak_times"]
        ax.errorbar(
            sizes,
            times["mean"],
            2 * times["standard_error"],
            fmt=marker,
            color=color,
            mfc=face,
            ms=5,
            label=label,
        )
    grid = np.geomspace(sizes[0], sizes[-1], 50)
    place = 0.5 * np.log1p(grid * limit["spontaneous_mean"] ** 2 / limit["signal_at_peak"])
    ax.plot(grid, place, "--", color=GREEN, lw=1.1, label="limit: 0.5")
    ax.set_xscale("log")
    ax.set_ylim(0, 1.45 * place[-1])
    ax.set_title("where it peaks, slope in log d", fontsize=9)
    ax.set_xlabel("spins d", fontsize=8)
    ax.set_ylabel("OU time of the peak", fontsize=8)
    ax.legend(frameon=False, fontsize=8, loc="upper left", handlelength=1.0, borderpad=0.1, handletextpad=0.5)


def _draw_samples(ax, entry):
    """Draw the magnetization's distribution functions, where shares of lobes are heights."""
    found, histogram = entry["with_field"], entry["with_field"]["histogram"]
    sums = histogram["sums"] / entry["d"]
    styles = (
        ("law", "-", "black", 2.2),
        ("exact_means", "--", GREEN, 1.5),
        ("mean_field", "-.", ACCENT, 1.5),
    )
    for name, style, color, width in styles:
        values = np.asarray(histogram[name], dtype=float)
        label = f"{name.replace('_', ' ')}: {found[name]['upper_share']:.2f}"
        ax.step(
            sums, np.cumsum(values) / values.sum(), style, where="post", color=color, lw=width, label=label
        )
    ax.axvline(0, color=SOFT, lw=0.8, zorder=0)
    ax.set_ylim(0, 1.6)
    ax.set_yticks([0, 0.5, 1])
    ax.set_title(f"{entry['d']} spins: share of M > 0", fontsize=9)
    ax.set_xlabel("magnetization M of a spin", fontsize=8)
    ax.set_ylabel("distribution function", fontsize=8)
    ax.legend(frameon=False, fontsize=8, loc="upper left", handlelength=2.2)


def _report(windows, samples, limit, quick):
    wrong, tap = windows["mean_field"], windows["TAP"]
    slopes = [entry["slope_of_peak_time_in_log_d"] for entry in (wrong, tap)]
    heights = [entry["peak_heights"] for entry in (wrong, tap)]
    last = samples[-1]
    free, tilted = last["without_field"], last["with_field"]
    claims = {
        "the largest score error keeps its height as d grows, to 15 % and two standard errors": all(
            abs(entry["mean"][-1] / limit["height"] - 1)
            < 0.15 + 2 * entry["standard_error"][-1] / limit["height"]
            for entry in heights
        ),
        "its time grows by half of log d, to 0.02 and two standard errors": all(
            abs(slope["mean"] - 0.5) < 0.02 + 2 * slope["standard_error"] for slope in slopes
        ),
        "TAP does not close the window": heights[1]["mean"][-1] > 0.5 * limit["height"],
        "without a field the lobes of samples by mean field have the right shares": (
            abs(free["mean_field"]["upper_share"] - 0.5) < 2.5 * free["mean_field"]["standard_error_of_share"]
        ),
        "with a field that divides them unevenly they have not": (
            abs(tilted["mean_field"]["upper_share"] - tilted["law"]["upper_share"])
            > 2.5 * tilted["mean_field"]["standard_error_of_share"]
        ),
        "those shares are the predicted ones": (
            abs(tilted["mean_field"]["upper_share"] - limit["share_by_mean_field"])
            < 2.5 * tilted["mean_field"]["standard_error_of_share"]
        ),
        "samples by exact means have the right shares": all(
            abs(kind["exact_means"]["upper_share"] - kind["law"]["upper_share"])
            < 2.5 * kind["exact_means"]["standard_error_of_share"]
            for kind in (free, tilted)
        ),
    }
    parameters = {"seed": SEED, "strength": STRENGTH, "tilt_u": U, "noise_levels": N_LEVELS}
    standard_errors = {
        name: entry["slope_of_peak_time_in_log_d"]["standard_error"]
        for name, entry in (("slope_mean_field", wrong), ("slope_tap", tap))
    }
    return report(
        claims,
        parameters,
        quick,
        standard_errors=standard_errors,
        limit=limit,
        windows=windows,
        samples=samples,
    )


if __name__ == "__main__":
    main(__doc__, "phase_transition")
