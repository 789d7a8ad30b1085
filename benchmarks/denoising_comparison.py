"""Denoisers of small data compared: certified networks, Adam, kernels, pools, and the exact law.

On the line the error of the denoiser, ``E |m(Y) - m*(Y)|^2 / sigma^2`` by quadrature over the true law at 12
noise levels, and the first Wasserstein distance between the truth and the law that reverse diffusion makes
with each score: pushed forward on a grid, then denoised, so that neither number has Monte Carlo error.  On
the Old Faithful pair the loss ``E |m(x + sigma xi) - x|^2 / (2 sigma^2)`` at samples that were held out.  All
methods have the same data and levels, and choose what they choose by their own rules, from training data.
Data are standardized.  Run:
OPENBLAS_NUM_THREADS=1 python benchmarks/denoising_comparison.py [--quick] [--figure docs/figures/x.png]
"""

import argparse
import time
import warnings

import numpy as np

import convexscore as cs
from convexscore.baselines import DenoisingRegression, KernelDescent, tune_adam
from convexscore.samplers.grid import reverse_law

MIXTURE = cs.targets.GaussianMixture
LAWS = {
    "two modes": MIXTURE([1 / 3, 2 / 3], [-2.0, 1.0], [0.3, 0.6]),
    "three modes": MIXTURE([0.3, 0.3, 0.4], [-4.0, 0.0, 3.0], 0.5),
    "skewed": MIXTURE([0.75, 0.25], [0.0, 1.5], [1.0, 1 / 3]),
}
SIGMAS = np.geomspace(3.0, 0.1, 12)
PLANAR_SIGMAS = np.geomspace(2.0, 0.1, 6)
STEPS = np.geomspace(3.0, 0.1, 40)
GRID = np.linspace(-5.0, 5.0, 801)
N_DRAWS = 5


class Tabled:
    """Networks of several levels, each a function of points divided by its scale."""

    def __init__(self, networks, scales):
        self.networks, self.scales = networks, scales

    def at(self, k):
        network, scale = self.networks[k], self.scales[k]
        return lambda y: network(y / scale) / scale


def certified(X, sigmas, seed, found, n_draws=N_DRAWS):
    more = {} if X.ndim == 1 else {"tol": 1e-3}
    rng = np.random.default_rng(seed)
    return cs.NoiseConditionalScore.fit(X, sigmas, "auto", n_draws=n_draws, rng=rng, **more)


def integrated(X, sigmas, seed, found):
    return certified(X, sigmas, seed, found, np.inf) if X.ndim == 1 else None


def adam(X, sigmas, seed, found):
    """Train with the loss and weight decays of `certified`, at unit scale; keep the rate of least loss."""
    networks, scales = [], []
    points, delta = np.tile(X.reshape(len(X), -1), (N_DRAWS, 1)), np.random.default_rng(seed)
    delta = delta.standard_normal(points.shape)
    for sigma, solution in zip(sigmas, found["certified, noise drawn"].solutions, strict=True):
        objective = cs.DenoisingScoreMatching(points + sigma * delta, -delta / sigma)
        if not np.isclose(solution.network.loss(objective, solution.beta), solution.value):
            raise RuntimeError("Adam is to have the loss of the certified network")
        scale = float(objective.X.std())
        unit = cs.DenoisingScoreMatching(objective.X / scale, objective.targets * scale)
        result = tune_adam(unit, solution.beta, skip=True, n_neurons=128, n_epochs=1000, n_trials=1, rng=seed)
        networks.append(result.best)
        scales.append(scale)
    table = Tabled(networks, scales)
    return cs.NoiseConditionalScore(sigmas, [table.at(k) for k in range(len(sigmas))])


def tangent_kernel(X, sigmas, seed, found):
    """Regress on noisy points of all times, and stop descent by a fifth of the data that was held out."""
    points, rng = X.reshape(len(X), -1), np.random.default_rng(seed)
    points = points[rng.permutation(len(points))]
    cut, (last, first) = len(points) // 5, 0.5 * np.log1p(np.array([sigmas[0], sigmas[-1]]) ** 2)
    times = {"t_min": first * (1 - 1e-9), "t_max": last * (1 + 1e-9)}
    train = DenoisingRegression.from_clean(points[cut:], 1000, rng=rng, **times)
    held_out = DenoisingRegression.from_clean(points[:cut], 500, rng=rng, **times)
    descent = KernelDescent(train.inputs, train.targets)
    stop = descent.hold_out(held_out.inputs, held_out.targets)

    def score(z, t):
        values = train.score(lambda inputs: descent.predict(inputs, stop), z.reshape(len(z), -1), t)
        return values.reshape(z.shape)

    return cs.ve(score)


def tangent_kernel_by_level(X, sigmas, seed, found):
    """Regress clean samples on the draws of `certified` at each level; a fifth of the samples is held out."""
    points, n = X.reshape(len(X), -1), len(X)
    delta = np.random.default_rng(seed).standard_normal((N_DRAWS, *points.shape))
    is_held_out = np.arange(n) % 5 == 0
    table = []
    for sigma in sigmas:
        noisy, scale = points + sigma * delta, float(np.hypot(1.0, sigma))
        inputs = np.concatenate([noisy / scale, np.ones((N_DRAWS, n, 1))], axis=2)
        parts = [
            (inputs[:, rows].reshape(-1, inputs.shape[2]), np.tile(points[rows], (N_DRAWS, 1)))
            for rows in (~is_held_out, is_held_out)
        ]
        descent = KernelDescent(*parts[0])
        table.append(_level_score(descent, descent.hold_out(*parts[1]), sigma, scale))
    return cs.NoiseConditionalScore(sigmas, table)


def _level_score(descent, stop, sigma, scale):
    def score(y):
        points = y.reshape(len(y), -1)
        clean = descent.predict(np.column_stack([points / scale, np.ones(len(y))]), stop)
        return (clean.reshape(y.shape) - y) / sigma**2

    return score


def kernel_width(points):
    """Return the width of largest leave-one-out likelihood."""
    d = points.shape[1]
    squares = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    widths = np.geomspace(0.02, 1.0, 60)
    with np.errstate(divide="ignore", under="ignore"):
        values = [np.log(np.exp(-squares / (2 * h * h)).sum(axis=1) / h**d).sum() for h in widths]
    return widths[int(np.argmax(values))]


def kernel(X, sigmas, seed, found):
    return MIXTURE(np.ones(len(X)), X, kernel_width(X.reshape(len(X), -1))).score


def samples_alone(X, sigmas, seed, found):
    return MIXTURE(np.ones(len(X)), X, 0.0).score


def gaussian(X, sigmas, seed, found):
    if X.ndim == 1:
        return MIXTURE([1.0], [X.mean()], X.std()).score
    mean, covariance, one = X.mean(axis=0), np.cov(X.T, bias=True), np.eye(X.shape[1])
    return lambda y, sigma: np.linalg.solve(covariance + sigma**2 * one, (mean - y).T).T


def pooled(X, sigmas, seed, found):
    """Blur the density of the pool by quadrature: as a mixture of atoms on a fine grid."""
    pool = cs.PooledScore.fit(X, rng=seed)
    if X.ndim == 1:
        nodes = np.linspace(-7, 7, 1401)
    else:
        line = np.linspace(-4.5, 4.5, 136)
        nodes = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    mass = pool.pdf(nodes)
    used = mass > 1e-12 * mass.max()
    return MIXTURE(mass[used], nodes[used], 0.0).score


#: From data, levels, a seed, and the scores that methods before have found.
METHODS = {
    "certified, noise drawn": certified,
    "certified, noise integrated": integrated,
    "Adam, best of 7 rates": adam,
    "tangent kernel, all times": tangent_kernel,
    "tangent kernel, each level": tangent_kernel_by_level,
    "kernel density, Tweedie": kernel,
    "samples alone, Tweedie": samples_alone,
    "pooled, blurred": pooled,
    "Gaussian": gaussian,
}


def standardized(X, law):
    """Return data of mean 0 and variance 1 in each column, and the law in their units."""
    mean, deviation = X.mean(), X.std()
    return (X - mean) / deviation, MIXTURE(
        law.weights, (law.means - mean) / deviation, law.scales / deviation
    )


def denoising_errors(score, law):
    """Return the error of the denoiser at every level."""
    errors = []
    for sigma in SIGMAS:
        reach = 8 * np.hypot(1.0, sigma)
        y = np.linspace(-reach, reach, 4001)
        gap = sigma**2 * (score(y, sigma) - law.score(y, sigma)) ** 2
        errors.append(np.trapezoid(gap * np.exp(law.logpdf(y, sigma)), y))
    return np.array(errors)


def generation_error(score, law):
    """Return the Wasserstein distance from the truth of what reverse diffusion makes, NaN if it diverges."""
    try:
        made = reverse_law(score, STEPS, GRID, rule="ancestral")
    except (ValueError, cs.ConvergenceError):
        return np.nan
    last = float(STEPS[-1])
    y = np.hypot(1.0, last) * GRID
    ends = y + last**2 * score(y, last)
    order = np.argsort(ends, kind="stable")
    return distance(ends[order], made.density[order] / made.density.sum(), law)


def distance(points, mass, law):
    """Return the first Wasserstein distance between atoms in increasing order and a mixture."""
    x = np.linspace(-12, 12, 24_001)
    truth = np.cumsum(np.exp(law.logpdf(x))) * (x[1] - x[0])
    made = np.concatenate([[0.0], np.cumsum(mass)])[np.searchsorted(points, x, side="right")]
    return float(np.sum(np.abs(truth - made)) * (x[1] - x[0]))


def on_the_line(n, seeds):
    """Return errors at all levels, distances, and seconds: ``{law: {method: array of (seeds, ...)}}``."""
    errors, distances, seconds = {}, {}, {}
    for name, law in LAWS.items():
        for seed in range(seeds):
            X, truth = standardized(law.sample(n, rng=seed), law)
            found = dict.fromkeys(METHODS)
            for method, fit in METHODS.items():
                start = time.process_time()
                found[method] = fit(X, SIGMAS, seed, found)
                seconds.setdefault(method, []).append(time.process_time() - start)
            for method, score in (found | {"exact score": truth.score}).items():
                errors.setdefault(name, {}).setdefault(method, []).append(denoising_errors(score, truth))
                distances.setdefault(name, {}).setdefault(method, []).append(generation_error(score, truth))
            own = distance(np.sort(X), np.full(n, 1 / n), truth)
            distances[name].setdefault("the samples themselves", []).append(own)
    return errors, distances, {method: np.mean(values) for method, values in seconds.items()}


def on_old_faithful(splits, sigmas):
    """Return held-out losses, ``{method: array of (splits, levels)}``."""
    table = cs.datasets.load_old_faithful()
    X = np.column_stack([table[name] for name in table.columns])
    losses = {}
    for seed in range(splits):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(X))
        train, test = X[order[:150]], X[order[150:]]
        train, test = ((part - train.mean(axis=0)) / train.std(axis=0) for part in (train, test))
        noise = rng.standard_normal((20, *test.shape))
        found = {}
        for method, fit in METHODS.items():
            score = found[method] = fit(train, sigmas, seed, found)
            if score is None:
                continue
            row = []
            for sigma in sigmas:
                y = (test + sigma * noise).reshape(-1, 2)
                clean = y + sigma**2 * score(y, sigma)
                row.append(np.mean((clean - np.tile(test, (20, 1))) ** 2) / sigma**2)
            losses.setdefault(method, []).append(row)
    return {method: np.array(rows) for method, rows in losses.items()}


def cell(values, digits=4):
    """Return a mean and its standard error; how often there was none."""
    values = np.asarray(values)
    kept = values[np.isfinite(values)]
    if kept.size == 0:
        return "none"
    error = f" ± {kept.std(ddof=1) / np.sqrt(kept.size):.{digits}f}" if kept.size > 1 else ""
    return f"{kept.mean():.{digits}f}{error}" + (
        f" ({values.size - kept.size} lost)" if kept.size < values.size else ""
    )


def print_line(title, rows, laws, digits):
    print(f"\n{title}\n\n| method | " + " | ".join(laws) + " |\n|---|" + "---|" * len(laws))
    for method in rows[next(iter(laws))]:
        print(f"| {method} | " + " | ".join(cell(rows[name][method], digits) for name in laws) + " |")


def print_planar(losses, sigmas):
    print(
        "\n| method | "
        + " | ".join(f"noise {s:.2g}" for s in sigmas)
        + " | mean |\n|---|"
        + "---|" * (len(sigmas) + 1)
    )
    reference = losses["Gaussian"]
    for method, rows in losses.items():
        cells = [f"{value:.4f}" for value in rows.mean(axis=0)]
        print(f"| {method} | " + " | ".join(cells) + f" | {cell(rows.mean(axis=1))} |")
    print("\nGain on the Gaussian, paired by split:")
    for method, rows in losses.items():
        print(f"| {method} | {cell((reference - rows).mean(axis=1))} |")


STYLES = {
    "certified, noise drawn": ("#1f3b57", "-", "o"),
    "certified, noise integrated": ("#5b9aa0", "-", "s"),
    "Adam, best of 7 rates": ("#c8553d", "--", "^"),
    "tangent kernel, all times": ("#8c6bb1", "-", "v"),
    "tangent kernel, each level": ("#8c6bb1", "--", "<"),
    "kernel density, Tweedie": ("#6a9c4f", "-", "D"),
    "samples alone, Tweedie": ("#b0b0b0", "-", "x"),
    "pooled, blurred": ("#e0a030", "-", "P"),
    "Gaussian": ("#5a5a5a", ":", "*"),
}


def draw(errors, distances, path):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained", width_ratios=[1.15, 1, 1])
    for method, (color, style, marker) in STYLES.items():
        values = np.mean(errors["three modes"][method], axis=0)
        axes[0].loglog(SIGMAS, values, style, marker=marker, color=color, markersize=5, label=method)
    axes[0].set(xlabel="noise level, in deviations of the data", title="three modes: error of the denoiser")
    axes[0].set_ylabel(r"$E\,|m - m^*|^2 / \sigma^2$")
    axes[0].set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    rows = [*STYLES, "exact score"]
    marks = {"two modes": ("o", "#1f3b57"), "three modes": ("s", "#c8553d"), "skewed": ("^", "#5b9aa0")}
    for ax, found in ((axes[1], errors), (axes[2], distances)):
        for shift, (law, (marker, color)) in enumerate(marks.items()):
            for place, method in enumerate(rows):
                values = np.asarray(found[law][method])
                values = values.mean(axis=1) if values.ndim == 2 else values[np.isfinite(values)]
                if method == "exact score" and ax is axes[1]:
                    continue
                height, error = -place - 0.22 * (shift - 1), values.std(ddof=1) / np.sqrt(values.size)
                shown = {"label": law} if place == 0 else {}
                ax.errorbar(values.mean(), height, xerr=error, fmt=marker, color=color, markersize=5, **shown)
        ax.set_yticks(-np.arange(len(rows)), rows if ax is axes[1] else [])
        ax.set_ylim(0.6 - len(rows), 0.6)
        ax.set_xscale("log")
        ax.grid(axis="x", color="#e4e4e4")
    axes[1].set(title="error of the denoiser, mean of 12 levels", xlabel=r"$E\,|m - m^*|^2 / \sigma^2$")
    axes[2].set(title="generated data: distance from the truth", xlabel="Wasserstein distance, in deviations")
    axes[2].set_xticks([0.03, 0.1, 0.3], ["0.03", "0.1", "0.3"])
    axes[2].set_xticks([], minor=True)
    axes[0].legend(frameon=False, fontsize=8)
    axes[2].legend(frameon=False, fontsize=8)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few data, two seeds, one split, few levels")
    parser.add_argument("--figure", help="write the figure to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", cs.ConvergenceWarning)
    start = time.process_time()
    errors, distances, seconds = on_the_line(*((60, 2) if options.quick else (200, 5)))
    means = {law: {m: np.mean(v, axis=1) for m, v in rows.items()} for law, rows in errors.items()}
    print_line("Error of the denoiser, mean of the levels", means, LAWS, 4)
    print_line("Wasserstein distance of generated data", distances, LAWS, 3)
    print("\nseconds: " + ", ".join(f"{method} {value:.2f}" for method, value in seconds.items()))
    splits, sigmas = (1, PLANAR_SIGMAS[::4]) if options.quick else (3, PLANAR_SIGMAS)
    print_planar(on_old_faithful(splits, sigmas), sigmas)
    print(f"\n{time.process_time() - start:.0f} CPU s in all")
    if options.figure:
        draw(errors, distances, options.figure)


if __name__ == "__main__":
    main()
