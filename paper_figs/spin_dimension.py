"""Spins in many dimensions: whether scores get easier with dimension, and whether Plefka's hierarchy helps.

Mei & Wu ("Deep networks as denoising algorithms", 2023) bound the error of mean-field posterior means by
1 / d, and ask what other variational free energies do.  Here posterior means to the orders 1 to 4 of
`plefka` are held against exact ones: Curie-Weiss couplings ``strength / d`` by their one integral, spin
glasses of Gaussian couplings of variance ``strength^2 / d`` by sums over all states.

Measured are the error ``(1/d) E |m_k - m|^2`` at one noise level, and two errors of sampling: the divergence
of the paths of stochastic localization, by Girsanov's formula

    KL(exact paths || paths with m_k) = 1/2 int E |m_k - m|^2 d tau,    tau = 1 / sigma^2,

which the divergence of the samples does not exceed, and the total variation of samples of the ancestral
rule, which shares its noise with a run of exact means, beside that of equally many independent samples.
Chosen by us: strength 0.6, OU time 0.5, ``tau`` from 0.01 to 20, 24 noise levels from 30 to 0.3 for samples.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

import convexscore as cs

from .common import ACCENT, GREEN, INK, main, report, trim
from .plefka import ORDERS, Couplings, EqualCouplings, fixed_point, score_of

SEED, STRENGTH, TIME = 0, 0.6, 0.5
STYLES = (("o", "-", INK), ("s", "--", ACCENT), ("^", "-.", GREEN), ("D", ":", "black"))
# Rows whose field still moves by more than this at the last step have no fixed point to speak of.
_MOVING = 1e-3


def draw(quick=False):
    """Return the figure and its numbers."""
    ferromagnet, glass, strengths, path, samples = _measured(quick)
    figure = Figure(figsize=(7.5, 3.1), layout="constrained")
    axes = figure.subplots(1, 3)
    for ax, entry, title in zip(axes, (ferromagnet, glass), ("Curie-Weiss", "spin glass"), strict=False):
        for order, (marker, style, color) in zip(ORDERS, STYLES, strict=True):
            mean, error = entry["means"][:, order - 1], entry["standard_errors"][:, order - 1]
            slope = entry["slopes"]["mean"][order - 1]
            label = f"order {order}: slope {slope:.2f}"
            ax.errorbar(
                entry["d"], mean, 2 * error, fmt=marker + style, color=color, ms=3.5, lw=1, label=label
            )
        ax.set_title(title, fontsize=9)
        ax.set_ylabel("squared error of a mean", fontsize=8)
    _draw_paths(axes[2], path)
    shown = (
        ferromagnet["means"],
        glass["means"],
        np.concatenate([entry["means"][:, :2] for entry in path.values()]),
    )
    for ax, means, room in zip(axes, shown, (1e3, 2e2, 3e2), strict=True):
        ax.set(xscale="log", yscale="log", ylim=(means.min() / 3, means.max() * room))
        ax.set_xlabel("spins d", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.legend(frameon=False, fontsize=8, loc="upper right", handlelength=2.2, borderaxespad=0.2)
    axes[1].set_xticks(glass["d"], [str(d) for d in glass["d"]])
    axes[1].minorticks_off()
    # Only powers of ten fit.
    axes[2].xaxis.set_minor_formatter(NullFormatter())
    trim(axes)
    return figure, _report(ferromagnet, glass, strengths, path, samples, quick)


def _measured(quick):
    """Return all measurements, each from seeds of its own."""
    streams = np.random.SeedSequence(SEED).spawn(5)
    n_seeds = 3 if quick else 8
    many, few = ((8, 32, 128), (4, 8)) if quick else ((8, 16, 32, 64, 128, 256, 512), (4, 6, 8, 10, 12, 14))
    ferromagnet = _by_dimension(_ferromagnet, many, streams[0], n_seeds, 8 if quick else 32, 32)
    glass = _by_dimension(_glass, few, streams[1], n_seeds, 4 if quick else 16, 4)
    strengths = _by_strength(6 if quick else 12, streams[2], 6 if quick else 32)
    path = {
        "curie_weiss": _paths(_ferromagnet, (8, 32) if quick else (8, 32, 128, 512), streams[3], 3, quick),
        "spin_glass": _paths(_glass, (4, 6) if quick else (4, 6, 8, 12), streams[3], 3, quick),
    }
    sizes, n_glasses = ((4,), 2) if quick else ((4, 8), 8)
    samples = [_samples(d, streams[4].spawn(n_glasses), 500 if quick else 4000) for d in sizes]
    return ferromagnet, glass, strengths, path, samples


def _ferromagnet(d, n, rng, strength):
    """Return the expansion of a Curie-Weiss law, its posterior means, and rows of its samples."""
    law = cs.targets.CurieWeiss(d, strength)
    return EqualCouplings(strength / d), law.posterior_mean, law.sample(4 * n, rng)


def _glass(d, n, rng, strength):
    """Return the same of `n` spin glasses with four samples each, on an axis of their own."""
    couplings = np.stack([gaussian_couplings(d, strength, rng) for _ in range(n)])
    laws = [cs.targets.Ising(matrix) for matrix in couplings]

    def means(fields):
        return np.stack([law.posterior_mean(rows) for law, rows in zip(laws, fields, strict=True)])

    return Couplings(couplings), means, np.stack([law.sample(4, rng) for law in laws])


def gaussian_couplings(d, strength, rng):
    """Return a symmetric matrix of independent couplings of variance ``strength^2 / d``, diagonal zero."""
    upper = np.triu(rng.standard_normal((d, d)), 1) * strength / np.sqrt(d)
    return upper + upper.T


def errors_of(model, means, x, tau, rng, step=0.5):
    """Return ``|m_k - m|^2 / d`` of all orders and rows at signal `tau`, and which rows still move."""
    fields = tau * x + np.sqrt(tau) * rng.standard_normal(x.shape)
    exact, errors, moving = means(fields), [], []
    for order in ORDERS:
        mean, last = fixed_point(model, fields, order, step)
        errors.append(np.mean((mean - exact) ** 2, axis=-1))
        moving.append(last > _MOVING)
    return np.array(errors), np.array(moving)


def _by_dimension(make, sizes, stream, n_seeds, n, least_of_fit, strength=STRENGTH):
    """Return errors by dimension and order with their standard errors, and slopes by seed."""
    runs, moving = np.empty((n_seeds, len(sizes), len(ORDERS))), []
    for seed, child in enumerate(stream.spawn(n_seeds)):
        for place, (d, source) in enumerate(zip(sizes, child.spawn(len(sizes)), strict=True)):
            rng = np.random.default_rng(source)
            model, means, x = make(d, n, rng, strength)
            errors, still = errors_of(model, means, x, 1 / np.expm1(2 * TIME), rng, _step(make))
            runs[seed, place] = errors.reshape(len(ORDERS), -1).mean(1)
            moving.append(still.mean())
    used = np.array(sizes) >= least_of_fit
    logs = np.log(np.array(sizes)[used])
    slopes = np.stack([np.polyfit(logs, np.log(run[used]), 1)[0] for run in runs])
    return {
        "d": list(sizes),
        **_mean_and_error(runs),
        "slopes": {"from_d": least_of_fit, "mean": slopes.mean(0), "standard_error": _error(slopes)},
        "largest_share_of_rows_that_move": np.max(moving),
    }


def _step(make):
    # Couplings of one sign converge without damping.
    return 1.0 if make is _ferromagnet else 0.5


def _by_strength(d, stream, n):
    """Return errors of `n` spin glasses by strength and order, with their medians and standard errors."""
    values = (0.3, 0.6, 0.9, 1.2, 1.5)
    runs, shares = np.empty((n, len(values), len(ORDERS))), np.empty((len(values), len(ORDERS)))
    for place, (strength, source) in enumerate(zip(values, stream.spawn(len(values)), strict=True)):
        rng = np.random.default_rng(source)
        model, means, x = _glass(d, n, rng, strength)
        errors, still = errors_of(model, means, x, 1 / np.expm1(2 * TIME), rng)
        runs[:, place], shares[place] = errors.mean(2).T, still.mean((1, 2))
    return {
        "d": d,
        "strengths": list(values),
        **_mean_and_error(runs),
        "medians": np.median(runs, axis=0),
        "share_of_rows_that_move": shares,
    }


def path_divergence(make, d, n, rng, n_levels, strength=STRENGTH):
    """Return ``1/2 int E |m_k - m|^2 d tau`` of all orders, by the trapezoidal rule in ``log tau``."""
    taus = np.geomspace(0.01, 20.0, n_levels)
    model, means, x = make(d, n, rng, strength)
    found = [errors_of(model, means, x, tau, rng, _step(make))[0] for tau in taus]
    rates = [
        d * tau * errors.reshape(len(ORDERS), -1).mean(1) for tau, errors in zip(taus, found, strict=True)
    ]
    return 0.5 * np.trapezoid(rates, np.log(taus), axis=0)


def _paths(make, sizes, stream, n_seeds, quick):
    runs = np.empty((n_seeds, len(sizes), len(ORDERS)))
    n, n_levels = (2, 5) if quick else (8 if make is _ferromagnet else 24, 9)
    for seed, child in enumerate(stream.spawn(n_seeds)):
        for place, (d, source) in enumerate(zip(sizes, child.spawn(len(sizes)), strict=True)):
            runs[seed, place] = path_divergence(make, d, n, np.random.default_rng(source), n_levels)
    return {"d": list(sizes), **_mean_and_error(runs)}


def _draw_paths(ax, path):
    for entry, filled in zip(path.values(), (True, False), strict=True):
        for order, (marker, style, color) in zip((1, 2), STYLES, strict=False):
            label = f"{'Curie-Weiss' if filled else 'spin glass'}, order {order}"
            mean, error = entry["means"][:, order - 1], entry["standard_errors"][:, order - 1]
            face = color if filled else "white"
            look = {"color": color, "mfc": face, "ms": 4, "lw": 1}
            ax.errorbar(entry["d"], mean, 2 * error, fmt=marker + style, label=label, **look)
    ax.set_title("divergence of the paths", fontsize=9)
    ax.set_ylabel("KL(exact || order k)", fontsize=8)


def _samples(d, streams, n):
    """Return total variations of ancestral samples of spin glasses, over glasses."""
    names = ("order_1", "order_2", "exact", "independent")
    runs = []
    for stream in streams:
        rng = np.random.default_rng(stream)
        couplings = gaussian_couplings(d, STRENGTH, rng)
        law, model = cs.targets.Ising(couplings), Couplings(couplings)
        noise, coins = stream.spawn(2)
        fast = {"tolerance": 1e-4}
        scores = (score_of(model, 1, **fast), score_of(model, 2, **fast), law.score)
        drawn = [ancestral_spins(score, d, n, noise, coins) for score in scores]
        runs.append([total_variation(x, couplings) for x in (*drawn, law.sample(n, rng))])
    runs = np.array(runs)
    excess = runs[:, :2] - runs[:, [2]]
    return {
        "d": d,
        "samples": n,
        "total_variation": dict(zip(names, runs.mean(0), strict=True)),
        "standard_errors": dict(zip(names, _error(runs), strict=True)),
        "above_exact_means": dict(zip(names[:2], excess.mean(0), strict=True)),
        "standard_errors_above_exact_means": dict(zip(names[:2], _error(excess), strict=True)),
    }


def ancestral_spins(score, d, n, noise, coins):
    """Return `n` samples on signs; `noise` and `coins` are seeds, so that runs share their noise."""
    sigmas = cs.samplers.sigma_grid(30.0, 0.3, 24)
    rng = np.random.default_rng(noise)
    mean = cs.samplers.reverse(score, sigmas, n, d, rng=rng, rule="ancestral", denoise=True)
    return np.where(np.random.default_rng(coins).random(mean.shape) < (1 + mean) / 2, 1.0, -1.0)


def total_variation(x, couplings):
    """Return the distance of samples from the law of `couplings`, by counts of all states."""
    d = len(couplings)
    places = 1 << np.arange(d)
    states = np.where(np.arange(2**d)[:, None] & places, 1.0, -1.0)
    logs = 0.5 * ((states @ couplings) * states).sum(1)
    law = np.exp(logs - logs.max())
    counts = np.bincount((x > 0) @ places, minlength=2**d)
    return 0.5 * np.abs(counts / len(x) - law / law.sum()).sum()


def _error(runs):
    """Return standard errors of means over the first axis."""
    return runs.std(0, ddof=1) / np.sqrt(len(runs))


def _mean_and_error(runs):
    return {"means": runs.mean(0), "standard_errors": _error(runs)}


def _report(ferromagnet, glass, strengths, path, samples, quick):
    slopes, errors = ferromagnet["slopes"]["mean"], ferromagnet["slopes"]["standard_error"]
    flat, flat_error = glass["slopes"]["mean"], glass["slopes"]["standard_error"]
    gains = glass["means"][-1, :-1] / glass["means"][-1, 1:]
    small = ferromagnet["means"][-1]
    last = samples[-1]
    above, above_error = last["above_exact_means"], last["standard_errors_above_exact_means"]
    ends = {name: entry["means"][-1] / entry["means"][0] for name, entry in path.items()}
    claims = {
        "in the Curie-Weiss model the error of mean field falls faster than 1 / d, the bound": (
            slopes[0] + 2 * errors[0] < -1
        ),
        "there each order has a smaller error": bool((np.diff(small) < 0).all()),
        "there no order changes the slope from -2 by more than a quarter and two standard errors": bool(
            (np.abs(slopes + 2) < 0.25 + 2 * errors).all()
        ),
        "in spin glasses the error of mean field does not fall": flat[0] + 2 * flat_error[0] > 0,
        "there orders 2 to 4 fall": bool((flat[1:] + 2 * flat_error[1:] < 0).all()),
        "there each order has less than half the error of the one before": bool((gains > 2).all()),
        "the divergence of mean-field paths falls with d in the Curie-Weiss model": ends["curie_weiss"][0]
        < 1,
        "it grows with d in spin glasses": ends["spin_glass"][0] > 1,
        "samples by mean field are further from the law than those by exact means": (
            above["order_1"] > 2 * above_error["order_1"]
        ),
        "samples by order 2 cannot be told from those by exact means": (
            above["order_2"] < 2 * above_error["order_2"]
        ),
    }
    parameters = {"seed": SEED, "strength": STRENGTH, "ou_time": TIME, "orders": ORDERS}
    standard_errors = {
        "slopes_curie_weiss": errors,
        "slopes_spin_glass": flat_error,
    }
    return report(
        claims,
        parameters,
        quick,
        standard_errors=standard_errors,
        curie_weiss=ferromagnet,
        spin_glass=glass,
        spin_glass_by_strength=strengths,
        path_divergence=path,
        samples=samples,
    )


if __name__ == "__main__":
    main(__doc__, "spin_dimension")
