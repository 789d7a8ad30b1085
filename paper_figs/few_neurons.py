"""How many neurons the certified optimum has, and what fewer cost.

The source asks for a width of at least ``m*``, the number of neurons of an optimum.  Two panels count it,
ReLU with skip, against what a balance of noise and weight decay suggests.  Optimality holds a curve, sums
over the data, in a band of half-width ``beta``, and the score needs a kink where its noise would leave the
band.  Over ``k`` points on a stretch of length ``h`` the noise of score matching is that of a count,
``sqrt(k)``; so kinks come every ``beta^2`` points:

    m*  ~  n / beta^2,  for every law.

That of denoising at noise ``eps`` is that of a sum of labels of variance ``1 / eps^2`` times distances, ``h
sqrt(k) / eps``; so for noisy data of density ``q``

    m*  ~  (n / (beta eps)^2)^(1/3) int q^(1/3) dx.

These are arguments of scale, no theorems, and leave out the kinks that the score of the law itself needs,
which rule at large weight decays.  The third panel has the best networks with fewer neurons: score
matching, exhaustive search for one, two and three (``fewest_kinks.py``), against greedy pruning of the
optimum and the best of Adam's trials.  Chosen by us: the laws; 2 to 8 samples of each size, weight decays
as shares of ``sqrt(n)``; ``eps = 0.5``; for the third panel 50 points of the first two laws and weight
decay 2, five samples each, Adam with 20 starts at two rates, the best network of any epoch.
"""

from functools import cache, partial

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, GREEN, INK, main, report, trim
from .fewest_kinks import Places, best_networks
from .trials import mean_and_error

SEED, NOISE = 0, 0.5
LAWS = {
    "Gaussian": stats.norm(),
    "mixture": None,
    "Laplace": stats.laplace(),
    "t, 5 degrees": stats.t(5),
    "uniform": stats.uniform(-1, 2),
}
CENTRES = (-2.0, 2.0)
LOOKS = dict(zip(LAWS, zip((INK, ACCENT, GREEN, "#8a6fae", "#9a8c3c"), "os^Dv", strict=True), strict=True))
SIZES = {1_000: 8, 10_000: 4, 100_000: 2, 1_000_000: 2}
SHARES = {"score matching": (0.1, 0.3, 1.0), "denoising": (0.002, 0.01, 0.05, 0.2)}
POWER = {"score matching": 1.0, "denoising": 1 / 3}
#: The smallest shares, with hundreds of kinks, are tried at some sizes only.
SMALLEST = {"score matching": (0.03, (10_000,)), "denoising": (0.0005, (1_000, 10_000, 100_000))}
#: Powers are fitted below these shares of ``sqrt(n)``, where noise rules.
LARGEST = {"score matching": 0.3, "denoising": 0.01}
SETS, POINTS, DECAY, MOST = 5, 50, 2.0, 3
RATES, TRIALS = (0.01, 0.03), 20


def draw(quick=False):
    """Return the figure and its numbers."""
    sizes = {1_000: 2, 3_000: 2} if quick else SIZES
    n_sets = 1 if quick else SETS
    counts_seed, price_seed = np.random.SeedSequence(SEED).spawn(2)
    counts = count_neurons(sizes, counts_seed)
    prices = [
        price_of_fewer(law, seed, 100 if quick else 1000)
        for law, of_law in zip(("Gaussian", "mixture"), price_seed.spawn(2), strict=True)
        for seed in of_law.spawn(n_sets)
    ]
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    axes = figure.subplots(1, 3)
    fits = {}
    for ax, (kind, of_kind) in zip(axes, counts.items(), strict=False):
        fits[kind] = fit_power(of_kind, LARGEST[kind])
        _draw_counts(ax, of_kind, fits[kind], kind)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=6, frameon=False, fontsize=8)
    price = share_lost(prices)
    _draw_prices(axes[2], price)
    trim(axes)
    return figure, _report(counts, fits, prices, price, sizes, quick)


def count_neurons(sizes, seed):
    """Return for each objective the counts, one entry for each law, size and weight decay."""
    counts = {kind: [] for kind in SHARES}
    for law, of_law in zip(LAWS, seed.spawn(len(LAWS)), strict=True):
        for (n, n_samples), of_size in zip(sizes.items(), of_law.spawn(len(sizes)), strict=True):
            rngs = [np.random.default_rng(one) for one in of_size.spawn(n_samples)]
            samples = [sample(law, n, rng) for rng in rngs]
            noisy = [
                cs.DenoisingScoreMatching.from_clean(x, NOISE, rng=rng)
                for x, rng in zip(samples, rngs, strict=True)
            ]
            clean = [cs.ScoreMatching(x) for x in samples]
            for share in shares_at("score matching", n):
                counts["score matching"].append(_count(clean, law, n, share * np.sqrt(n), share))
            for share in shares_at("denoising", n):
                counts["denoising"].append(_count(noisy, law, n, share * np.sqrt(n) / NOISE, share))
    return counts


def shares_at(kind, n):
    """Return the weight decays, as shares of ``sqrt(n)`` (over the noise), for `n` points."""
    smallest, sizes = SMALLEST[kind]
    return [smallest] * (n in sizes) + list(SHARES[kind])


def sample(law, n, rng):
    """Draw points of a law."""
    if LAWS[law] is None:
        return rng.standard_normal(n) + rng.choice(CENTRES, n)
    return LAWS[law].rvs(n, random_state=rng)


def _count(objectives, law, n, beta, share):
    """Count the neurons of the optima of several samples; `scale` is what they are expected to go with."""
    solutions = [cs.solve(objective, beta, "relu", skip=True) for objective in objectives]
    neurons = [solution.network.n_neurons for solution in solutions]
    mean, error = mean_and_error(neurons)
    kind = "score matching" if objectives[0].has_trace else "denoising"
    spread = 1.0 if objectives[0].has_trace else cube_root_integral(law)
    return {
        "law": law,
        "n": n,
        "share": share,
        "beta": beta,
        "neurons": neurons,
        "mean": mean,
        "standard_error": error,
        "scale": share ** (-2 * POWER[kind]) * spread,
        "largest_relative_gap": max(s.certificate.gap / s.certificate.value_scale for s in solutions),
        "certified": all(s.certificate.meets(1e-8) and s.certificate.scope == "global" for s in solutions),
    }


@cache
def cube_root_integral(law):
    """Return the integral of the cube root of the density of a law with noise."""
    y = np.linspace(-200, 200, 40_001)
    if LAWS[law] is None:
        density = np.mean([stats.norm.pdf(y, centre) for centre in CENTRES], axis=0)
    else:
        density = LAWS[law].pdf(y)
    step = y[1] - y[0]
    # No Fourier transform: the cube roots of its rounding errors would count.
    near = np.abs(y) <= 10 * NOISE
    noisy = step * np.convolve(density, stats.norm.pdf(y[near], scale=NOISE), mode="same")
    return step * np.sum(np.cbrt(noisy))


def fit_power(counts, largest):
    """Fit ``mean = constant * scale^power`` up to a share of ``sqrt(n)``, by least squares of logarithms.

    Errors are those of the scatter of the counts around the fit, laws and sizes pooled; `constants` has the
    ratio of mean and scale of each law, and its scatter.
    """
    used = [entry for entry in counts if entry["share"] <= largest]
    scale, mean = (np.log([entry[key] for entry in used]) for key in ("scale", "mean"))
    fitted = stats.linregress(scale, mean)
    constants = {
        law: mean_and_error([e["mean"] / e["scale"] for e in used if e["law"] == law])
        for law in dict.fromkeys(entry["law"] for entry in used)
    }
    pooled = mean_and_error(np.exp(mean - scale))
    return {
        "power": fitted.slope,
        "error": fitted.stderr,
        "constant": pooled[0],
        "constant_error": pooled[1],
        "constants": {law: constant for law, (constant, _) in constants.items()},
        "constant_errors": {law: error for law, (_, error) in constants.items()},
        "n_counts": len(used),
    }


def price_of_fewer(law, seed, n_epochs):
    """Return the values of the best networks of few neurons on one sample, by three ways."""
    drawing, starts = seed.spawn(2)
    x = np.sort(sample(law, POINTS, np.random.default_rng(drawing)))
    objective = cs.ScoreMatching(x)
    solution = cs.solve(objective, DECAY, "relu", skip=True)
    places = Places(x, DECAY)
    best = best_networks(places, MOST)
    networks = [places.network(kinks) for kinks in best]
    score = solution.network.piecewise
    pruned = places.pruned(score.knots, np.diff(score.slopes))
    train = partial(train_adam, objective, DECAY, "relu", True, learning_rate=RATES, n_trials=TRIALS)
    adam = [
        train(n_neurons=m, n_epochs=n_epochs, keep_best=True, rng=np.random.default_rng(start)).best_loss
        for m, start in enumerate(starts.spawn(MOST), start=1)
    ]
    return {
        "law": law,
        "optimum": solution.value,
        "neurons": solution.network.n_neurons,
        "relative_gap": solution.certificate.gap / solution.certificate.value_scale,
        "best": [kinks.value for kinks in best],
        "largest_error_of_best": max(
            abs(network.loss(objective, DECAY) - kinks.value) / abs(kinks.value)
            for network, kinks in zip(networks, best, strict=True)
        ),
        "kinks_between_data": int(sum((~np.isin(kinks.position, x)).sum() for kinks in best)),
        "pruned": [kinks.value for kinks in pruned],
        "adam": adam,
    }


def share_lost(prices):
    """Return for each way, by number of neurons, the mean share of what ``m*`` neurons gain on a line.

    Pruned networks with more neurons than the optimum of a sample count as that optimum.
    """
    shares = {}
    for way, first in (("best", 0), ("pruned", 0), ("adam", 1)):
        longest = max(len(price[way]) for price in prices)
        rows = []
        for price in prices:
            values = np.array(price[way] + [price["optimum"]] * (longest - len(price[way])))
            rows.append((values - price["optimum"]) / (price["best"][0] - price["optimum"]))
        means, errors = zip(*(mean_and_error(column) for column in np.transpose(rows)), strict=True)
        shares[way] = {"neurons": first + np.arange(longest), "mean": means, "standard_error": errors}
    return shares


def _draw_counts(ax, counts, fit, kind):
    """Draw counts against the scale, larger samples with larger markers."""
    for place, (law, (color, marker)) in enumerate(LOOKS.items()):
        # Score matching's scale is the same for all laws: markers side by side.
        aside = 1.13 ** (place - 2) if kind == "score matching" else 1.0
        for n in sorted({entry["n"] for entry in counts}):
            of = [entry for entry in counts if entry["law"] == law and entry["n"] == n and entry["mean"] > 0]
            ax.errorbar(
                [aside * entry["scale"] for entry in of],
                [entry["mean"] for entry in of],
                [entry["standard_error"] for entry in of],
                fmt=marker,
                color=color,
                markersize=1.3 * np.log10(n) - 1.5,
                markerfacecolor="none",
                linewidth=0.8,
                label=law if n == 1_000 else None,
            )
    scales = np.array([entry["scale"] for entry in counts])
    ends = np.array([scales.min(), scales.max()])
    ax.plot(ends, fit["constant"] * ends, "k--", linewidth=0.8, label="proportional", zorder=0)
    ax.set(xscale="log", yscale="log", ylabel="neurons m*")
    title = "Score matching (larger: more data)" if kind == "score matching" else "Denoising"
    ax.set_title(title, fontsize=9)
    of_denoising = r"$(n\,/\,\beta^2\varepsilon^2)^{1/3}\,\int q^{1/3}$"
    ax.set_xlabel(r"$n\,/\,\beta^2$" if kind == "score matching" else of_denoising)


def _draw_prices(ax, shares):
    """Draw the share of the gain that is lost with fewer neurons."""
    looks = {
        "best": ("best, exhaustive", INK, "o-"),
        "pruned": ("optimum, pruned", GREEN, "s--"),
        "adam": ("Adam, best of 40", ACCENT, "^:"),
    }
    for way, (label, color, style) in looks.items():
        lost = shares[way]
        ax.errorbar(
            lost["neurons"], lost["mean"], lost["standard_error"], fmt=style, color=color, label=label,
            markersize=4, markerfacecolor="none", linewidth=1.0,
        )  # fmt: skip
    ax.set(xlabel="neurons m", ylabel="share of the gain lost", ylim=(-0.03, 1.45))
    ax.set_title("Fewer than m* neurons", fontsize=9)
    ax.legend(frameon=False, fontsize=8, loc="upper right")


def _report(counts, fits, prices, price, sizes, quick):
    """Return claims and numbers."""
    every = [entry for of_kind in counts.values() for entry in of_kind]
    adam = [a - b for p in prices for a, b in zip(p["adam"], p["best"][1:], strict=True)]
    pruned = [a - b for p in prices for a, b in zip(p["pruned"], p["best"], strict=False)]
    widest = max(p["neurons"] for p in prices)
    claims = {
        "every count is that of a certified global optimum": all(entry["certified"] for entry in every),
        "score matching: m* goes with a power of n / beta^2 between 0.9 and 1.1": abs(
            fits["score matching"]["power"] - 1
        )
        <= 0.1,
        "score matching: the laws' constants are within 25 % of the mean": _alike(fits["score matching"]),
        "denoising: m* goes with a power of the scale between 0.9 and 1.1": abs(
            fits["denoising"]["power"] - 1
        )
        <= 0.1,
        "denoising: the laws' constants are within 25 % of the mean": _alike(fits["denoising"]),
        "Adam is never below the exhaustive search": min(adam) >= -1e-8 * DECAY * POINTS,
        "pruning is never below the exhaustive search": min(pruned) >= -1e-8 * DECAY * POINTS,
        "the best kinks of fewer neurons are data points": all(p["kinks_between_data"] == 0 for p in prices),
    }
    parameters = {
        "seed": SEED,
        "network": "ReLU with skip",
        "samples_of_size": sizes,
        "largest_shares_of_fits": LARGEST,
        "noise": NOISE,
        "points_of_price": POINTS,
        "beta_of_price": DECAY,
        "trials_of_adam": TRIALS,
        "rates_of_adam": RATES,
    }
    errors = {kind: {"power": fit["error"], "constant": fit["constant_error"]} for kind, fit in fits.items()}
    errors["share_of_gain_lost"] = {way: lost["standard_error"] for way, lost in price.items()}
    return report(
        claims,
        parameters,
        quick,
        standard_errors=errors,
        largest_relative_gap=max(entry["largest_relative_gap"] for entry in every),
        fits=fits,
        share_of_gain_lost=price,
        least_excess_of_adam_over_best=min(adam),
        most_neurons_of_prices=widest,
        fewest_neurons_of_prices=min(p["neurons"] for p in prices),
        relative_excess_of_best=[
            np.mean([(p["best"][m] - p["optimum"]) / abs(p["optimum"]) for p in prices])
            for m in range(MOST + 1)
        ],
        largest_relative_error_of_best=max(p["largest_error_of_best"] for p in prices),
        prices=prices,
        counts=counts,
    )


def _alike(fit):
    """Whether every law's constant is within a quarter of the mean."""
    constants = np.array(list(fit["constants"].values()))
    return bool(np.all(np.abs(constants / constants.mean() - 1) <= 0.25))


if __name__ == "__main__":
    main(__doc__, "few_neurons")
