"""Experiment: certified denoisers, tangent kernels, empirical Bayes; a bound fed with exact errors.

Denoisers of samples of a mixture on the line are compared by ``E |m(Y) - m*(Y)|^2``, by quadrature over the
true law, at three noise levels and several sizes.  All have the same data, and choose from these:

    certified, noise integrated   the program without draws, weight decay "auto"
    certified, noise drawn        five draws a sample, weight decay "auto"
    empirical Bayes               Tweedie's formula for a kernel density, width by leave-one-out likelihood
    tangent kernel                descent of very wide networks on the same draws, stopped by a held-out fifth

Then reverse diffusion: the law that it makes, pushed forward on a grid, has a total variation from the truth
without Monte Carlo error.  It is held against ``sqrt(KL / 2)`` of Girsanov's theorem (`theory.girsanov_kl`),
fed with the exact errors of the score at every level, and against the terms of the lecture's bound
(`theory.ddpm_tv`).
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import KernelDescent
from convexscore.samplers.grid import reverse_law
from convexscore.theory import ddpm_tv, girsanov_kl

from .common import ACCENT, GREEN, INK, main, report, trim

__all__ = ["draw"]

MIXTURE = cs.targets.GaussianMixture
#: Constants were chosen on the first law; the others are there to see whether what it shows holds elsewhere.
LAWS = {
    "two modes": MIXTURE([1 / 3, 2 / 3], [-1.5, 0.75], [0.3, 0.6]),
    "three modes": MIXTURE([0.3, 0.3, 0.4], [-1.5, 0.0, 1.2], 0.2),
    "skewed": MIXTURE([0.75, 0.25], [0.0, 1.5], [1.0, 1 / 3]),
}
LEVELS, SHOWN, N_DRAWS = (0.1, 0.3, 1.0), 0.3, 5
METHODS = {
    "certified, noise integrated": (INK, "-", "o"),
    "certified, noise drawn": (INK, "--", "s"),
    "empirical Bayes": (GREEN, "-", "D"),
    "tangent kernel": (ACCENT, ":", "^"),
}
CERTIFIED, DRAWN, BAYES, KERNEL = METHODS
_CALLED = {CERTIFIED: "integrated", DRAWN: "drawn", BAYES: "empirical Bayes", KERNEL: "kernel"}
# Reverse diffusion: noise levels from the first to the last, and points of the line.
LARGEST, SMALLEST, N_POINTS = 5.0, 0.2, 801


def denoisers(X, sigma, rng):
    """Return what each method makes of data at one noise level: scores of points."""
    n = X.size
    delta = rng.standard_normal((N_DRAWS, n))
    noisy = X + sigma * delta
    integrated = cs.DenoisingScoreMatching.expected(X, sigma)
    drawn = cs.DenoisingScoreMatching(noisy.ravel(), -delta.ravel() / sigma)
    kernel = MIXTURE(np.ones(n), X, kernel_width(X))
    return {
        CERTIFIED: cs.solve(integrated, "auto", skip=True),
        DRAWN: cs.solve(drawn, _decay_of_draws(X, sigma, rng), skip=True),
        BAYES: lambda y: kernel.score(y, sigma),
        KERNEL: _tangent(X, noisy, sigma),
    }


def _decay_of_draws(X, sigma, rng):
    """Return the automatic weight decay of draws, which counts the copies of a sample as one."""
    fitted = cs.NoiseConditionalScore.fit(X, [sigma], "auto", n_draws=N_DRAWS, rng=rng)
    return fitted.solutions[0].beta


def _tangent(X, noisy, sigma):
    """Return the score of kernel descent, a constant appended to points of scale one."""
    scale = float(np.hypot(X.std(), sigma))
    held_out = np.arange(X.size) % 5 == 0

    def inputs(y):
        return np.column_stack([y / scale, np.ones(y.size)])

    parts = [(inputs(noisy[:, rows].ravel()), np.tile(X[rows], N_DRAWS)) for rows in (~held_out, held_out)]
    descent = KernelDescent(*parts[0])
    stop = descent.hold_out(*parts[1])
    return lambda y: (descent.predict(inputs(y), stop) - y) / sigma**2


def kernel_width(X):
    """Return the width of largest leave-one-out likelihood."""
    squares = (X[:, None] - X) ** 2
    np.fill_diagonal(squares, np.inf)
    widths = np.geomspace(0.02, 1.0, 60) * X.std()
    with np.errstate(divide="ignore", under="ignore"):
        values = [np.log(np.exp(-squares / (2 * h * h)).sum(axis=1) / h).sum() for h in widths]
    return float(widths[int(np.argmax(values))])


def denoising_error(score, law, sigma):
    """Return ``E |m(Y) - m*(Y)|^2`` by quadrature."""
    reach = 10 * np.hypot(1.0, sigma)
    y = np.linspace(-reach, reach, 4001)
    gap = sigma**4 * (score(y) - law.score(y, sigma)) ** 2
    return float(np.trapezoid(gap * np.exp(law.logpdf(y, sigma)), y))


def compared(law, n, sigma, seeds):
    """Return errors ``{method: (n_seeds,)}`` and the worst relative gap of a certificate."""
    errors, gap = {method: [] for method in METHODS}, 0.0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        X = law.sample(n, rng=rng)
        for method, found in denoisers(X, sigma, rng).items():
            if isinstance(found, cs.Solution):
                gap = max(gap, found.certificate.gap / found.certificate.value_scale)
                found = found.network
            errors[method].append(denoising_error(found, law, sigma))
    return {method: np.array(values) for method, values in errors.items()}, gap


def levels_of(X, sigmas):
    """Return certified networks at all levels, weight decays chosen at five of them, geometric between."""
    chosen = np.unique(np.linspace(0, sigmas.size - 1, 5).astype(int))
    few = cs.NoiseConditionalScore.fit(X, sigmas[chosen], "auto", n_draws=np.inf, rng=0)
    logs = np.log([solution.beta for solution in few.solutions])
    betas = np.exp(np.interp(np.arange(sigmas.size), chosen, logs))
    return cs.NoiseConditionalScore.fit(X, sigmas, betas, n_draws=np.inf, rng=0)


def fed_bound(score, law, sigmas):
    """Return total variation of reverse diffusion, Girsanov's bound, and the lecture's three terms."""
    times = 0.5 * np.log1p(sigmas**2)
    points = np.linspace(-8.0, 8.0, N_POINTS)
    made = reverse_law(score, sigmas, points, rule="frozen")
    truth, spacing = _law_at(law, times[-1], points), points[1] - points[0]
    variation = 0.5 * float(np.abs(made.density - truth).sum() * spacing)
    errors, crosses = np.transpose([_score_errors(score, law, t) for t in times[:-1]])
    first = _law_at(law, times[0], points)
    normal = np.exp(-0.5 * points**2) / np.sqrt(2 * np.pi)
    start = float(np.sum(first * np.log(first / normal)) * spacing)
    divergence = girsanov_kl(times, lambda t: _fisher(law, t), max(start, 0.0), errors, crosses)
    h = -np.diff(times)
    at_end = np.sum(truth * np.log(truth / normal)) * spacing
    second = float(np.sqrt(np.sum(points**2 * truth) * spacing))
    error = float(np.sqrt(np.sum(h * errors) / h.sum()))
    terms = ddpm_tv(
        float(at_end), float(h.sum()), float(h.mean()), _slope(law, times), 1, second, error, strict=False
    )
    return {
        "total_variation": variation,
        "girsanov": float(np.sqrt(divergence / 2)),
        "score_error": error,
        "lecture_total": terms.total,
        "lecture_score_term": terms.score,
    }


def _law_at(law, t, z):
    """Return the density of the OU process at a time."""
    sigma = np.sqrt(np.expm1(2 * t))
    return np.exp(law.logpdf(np.exp(t) * z, sigma) + t)


def _quadrature(law, t):
    z = np.linspace(-10.0, 10.0, 4001)
    return z, _law_at(law, t, z) * (z[1] - z[0])


def _score_errors(score, law, t):
    """Return the mean square error of the OU score at a time, and its mean product with the true one."""
    z, mass = _quadrature(law, t)
    sigma, y = float(np.sqrt(np.expm1(2 * t))), np.exp(t) * z
    true = np.exp(t) * law.score(y, sigma)
    error = np.exp(t) * score(y, sigma) - true
    return np.sum(mass * error**2), np.sum(mass * error * true)


def _fisher(law, t):
    z, mass = _quadrature(law, t)
    sigma = np.sqrt(np.expm1(2 * t))
    return float(np.sum(mass * (np.exp(t) * law.score(np.exp(t) * z, sigma)) ** 2))


def _slope(law, times):
    """Return the largest slope of the scores where there is mass, at all times."""
    steepest = 1.0
    for t in times:
        z, _ = _quadrature(law, t)
        s = np.exp(t) * law.score(np.exp(t) * z, np.sqrt(np.expm1(2 * t)))
        steepest = max(steepest, float(np.abs(np.diff(s) / np.diff(z)).max()))
    return steepest


def bounds(n, counts, seeds):
    """Return rows of `fed_bound`: for the exact score, and for certified ones of several data sets."""
    law = LAWS["two modes"]
    finest = np.geomspace(LARGEST, SMALLEST, max(counts) + 1)
    exact, learned = [], []
    for count in counts:
        sigmas = finest[:: max(counts) // count]
        exact.append(fed_bound(law.score, law, sigmas))
    for seed in seeds:
        score = levels_of(law.sample(n, rng=np.random.default_rng(seed)), finest)
        learned.append([fed_bound(score, law, finest[:: max(counts) // count]) for count in counts])
    return exact, learned


def draw(quick):
    """Return the figure and the numbers behind it."""
    n_seeds, sizes, counts = (2, (50, 100), (10, 20)) if quick else (6, (50, 100, 400), (10, 20, 40))
    levels, size = (SHOWN,) if quick else LEVELS, 100
    seeds = np.random.SeedSequence(5).spawn(n_seeds)
    by_size, by_level, gaps = {}, {}, []
    for n in sizes:
        by_size[n], gap = compared(LAWS["two modes"], n, SHOWN, seeds)
        gaps.append(gap)
    for name, law in LAWS.items():
        for sigma in levels:
            if (name, sigma) == ("two modes", SHOWN):
                by_level[name, sigma] = by_size[size]
                continue
            by_level[name, sigma], gap = compared(law, size, sigma, seeds)
            gaps.append(gap)
    exact, learned = bounds(size, counts, seeds[:2])
    claims = _claims(by_size, by_level, exact, learned, gaps)
    figure = Figure(figsize=(7.5, 4.4), layout="constrained")
    axes = figure.subplots(1, 3)
    _draw_sizes(axes[0], by_size)
    _draw_levels(axes[1], by_level, levels, size)
    _draw_bounds(axes[2], counts, exact, learned)
    figure.legend(
        *axes[0].get_legend_handles_labels(), ncols=4, fontsize=8, frameon=False, loc="outside upper center"
    )
    trim(axes)
    parameters = {
        "sizes": sizes,
        "levels": levels,
        "n_seeds": n_seeds,
        "n_draws": N_DRAWS,
        "steps": counts,
        "reverse_levels": [LARGEST, SMALLEST],
        "n_of_bounds": size,
    }
    errors = {f"n={n}": _standard_errors(rows) for n, rows in by_size.items()}
    errors |= {f"{name}, sigma={sigma:g}": _standard_errors(rows) for (name, sigma), rows in by_level.items()}
    return figure, report(
        claims,
        parameters,
        quick,
        standard_errors=errors,
        error_by_size={n: _means(rows) for n, rows in by_size.items()},
        error_by_law_and_level={
            f"{name}, sigma={sigma:g}": _means(rows) for (name, sigma), rows in by_level.items()
        },
        worst_relative_gap=max(gaps),
        exact_score=exact,
        certified_score=learned,
    )


def _means(rows):
    return {method: values.mean() for method, values in rows.items()}


def _standard_errors(rows):
    return {method: values.std(ddof=1) / np.sqrt(values.size) for method, values in rows.items()}


def _beats(rows, better, worse):
    """Return whether one method's error is smaller, by over two standard errors of paired differences."""
    gain = rows[worse] - rows[better]
    return bool(gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(gain.size))


def _claims(by_size, by_level, exact, learned, gaps):
    rows = [row for run in (exact, *learned) for row in run]
    worst = max(gaps)
    found = {"every certified network is optimal to a relative gap of 1e-6": (worst <= 1e-6, f"{worst:.1e}")}
    others = (DRAWN, BAYES, KERNEL)
    for n, cell in ((n, by_size[n]) for n in (min(by_size), max(by_size))):
        found[f"{n} samples, noise {SHOWN}: integrating the noise out beats every other method"] = (
            all(_beats(cell, CERTIFIED, method) for method in others),
            "errors " + ", ".join(f"{_CALLED[method]} {cell[method].mean():.1e}" for method in METHODS),
        )
    better = [
        f"{method} for {law} at {sigma:g}"
        for (law, sigma), cell in by_level.items()
        for method in others
        if _beats(cell, method, CERTIFIED)
    ]
    largest = max(row["total_variation"] / row["girsanov"] for row in rows)
    last = max(run[-2]["total_variation"] / run[-1]["total_variation"] for run in learned)
    return found | {
        "no other method beats it on any law and level that was tried": (
            not better,
            "; ".join(better) or "by two standard errors",
        ),
        "total variation never exceeds Girsanov's bound": (largest <= 1, f"at most {largest:.2f} of it"),
        "with the certified score, doubling the steps at last gains less than a tenth": (
            last <= 1.1,
            f"a factor of {last:.3f} at most",
        ),
    }


def _draw_sizes(ax, by_size):
    sizes = list(by_size)
    for method, (color, style, marker) in METHODS.items():
        values = np.array([by_size[n][method] for n in sizes])
        error = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        look = {"color": color, "linestyle": style, "marker": marker, "markersize": 4, "capsize": 2}
        ax.errorbar(sizes, values.mean(axis=1), error, label=method, linewidth=1.2, **look)
    ax.set(xscale="log", yscale="log", xlabel="samples", ylabel="error of the denoiser")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.set_xticks([], minor=True)
    ax.set_title(f"two modes, noise {SHOWN}")


def _draw_levels(ax, by_level, levels, n):
    laws = list(LAWS)
    ticks = []
    for place, (name, sigma) in enumerate((name, sigma) for name in laws for sigma in levels):
        height = -place - 1.1 * (place // len(levels))
        ticks.append(height)
        base = by_level[name, sigma][CERTIFIED]
        for method, (color, _, marker) in METHODS.items():
            ratio = by_level[name, sigma][method].mean() / base.mean()
            ax.plot(ratio, height, marker, color=color, markersize=4.5)
        if sigma == levels[0]:
            ax.text(0.03, height + 0.85, name, transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.axvline(1.0, color=INK, linewidth=0.8)
    ax.set_ylim(ticks[-1] - 0.6, 1.4)
    ax.set_yticks(ticks, [f"{sigma:g}" for _ in laws for sigma in levels])
    ax.set(
        xscale="log",
        xlabel="error over that of the first",
        ylabel="noise level",
        title=f"{n} samples, three laws",
    )


def _draw_bounds(ax, counts, exact, learned):
    def line(rows, key):
        return np.mean([[row[key] for row in run] for run in rows], axis=0)

    for rows, color, name, marker in (
        (exact and [exact], INK, "exact score", "o"),
        (learned, ACCENT, "certified", "s"),
    ):
        look = {"color": color, "marker": marker, "markersize": 4}
        ax.plot(counts, line(rows, "total_variation"), "-", label=f"{name}: variation", **look)
        ax.plot(counts, line(rows, "girsanov"), "--", markerfacecolor="white", label=f"{name}: bound", **look)
    ax.set(xscale="log", yscale="log", xlabel="steps of reverse diffusion", ylabel="total variation")
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.set_xticks([], minor=True)
    ax.set_title("Girsanov's bound, exact errors")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.85)
    ax.legend(frameon=False, fontsize=8, loc="upper right", handlelength=2.2)


if __name__ == "__main__":
    main(__doc__, "certified_denoisers")
