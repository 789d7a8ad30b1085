"""Figures 5 and 11 to 13: denoising score matching by Adam and by convex optimization, and annealed Langevin.

The source plots losses of trials of Adam of 200 epochs above the convex optimum, and histograms of annealed
Langevin samples from uniform starts on a uniform grid of noise levels: one with the convex scores, the others
with Adam's at different rates; sampling, it says, depends heavily on the rate, and may be unstable.

Chosen by us, because the source's values do not reach us: 100 standard Gaussian points; the losses at noise
level 0.5 with one noise draw a point, ten trials; eight noise levels from 2 to 0.1 with ten draws a point,
the same draws at every level; a weight decay of 0.1 (without skip) or 0.5 (with skip) of the threshold above
which the network is a constant or a line; width 100; six rates from 1e-6 to 1, five trials of each at every
level, and of these the network of least final loss.  Chains start on [-8, 8] and take 100 steps of
``0.1 sigma^2`` a level.  All is repeated with four other seeds: other points, draws, starts and chains.

Distances are Wasserstein-1 distances to the truth.  One chain that escapes makes them any size, so means over
seeds count chains farther out than 8 as at 8, and a run in which one passes 1e100 as 8.  "Depends heavily"
means that among the mean distances of a range of rates the largest is more than twice the smallest.
"Samples follow the truth" is a mean distance of at most a tenth of the truth's standard deviation.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, report, standard_error
from .common import WIDTH as INCHES
from .laws import Gaussians, Own, distance
from .panels import (
    best_network,
    best_rate,
    draw_losses,
    draw_samples,
    draw_scores,
    legend,
    loss_numbers,
    plural,
)

SEED, N, WIDTH, RATES = 0, 100, 100, (1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
SHOWN_LEVEL, LARGEST, SMALLEST, N_DRAWS = 0.5, 2.0, 0.1, 10
LAW, NEAR, HEAVY, SPAN, FAR = Gaussians(), 0.1, 2.0, (-4.0, 4.0), 8.0
RANGES = ((1e-6, 1e-3), (1e-3, 1e-1), (1e-1, 1.0))
#: Beside Adam's rates: convex scores, and those of noise integrated out.
CONVEX, EXPECTED = "convex", "convex, no draws"


@dataclass(frozen=True)
class Setting:
    """A network, the law, and the size of the run."""

    activation: str
    skip: bool
    law: Gaussians | Own
    quick: bool

    @property
    def words(self):
        """Return the network in words."""
        return f"{'ReLU' if self.activation == 'relu' else 'abs'} {'with' if self.skip else 'without'} skip"

    @property
    def share(self):
        """Return the weight decay as a share of the threshold."""
        return 0.5 if self.skip else 0.1

    @property
    def levels(self):
        """Return the noise levels, descending in equal steps."""
        return np.linspace(LARGEST, SMALLEST, 4 if self.quick else 8)

    @property
    def n_seeds(self):
        """Return how many times all is done."""
        return 2 if self.quick else 5

    @property
    def sizes(self):
        """Return the numbers of epochs, trials (those drawn, and those at each level), chains and steps."""
        if self.quick:
            return {"epochs": 40, "trials": 3, "trials_at_a_level": 2, "chains": 1000, "steps": 100}
        return {"epochs": 200, "trials": 10, "trials_at_a_level": 5, "chains": 4000, "steps": 100}

    @property
    def far(self):
        """Return how far out chains start, and are counted to be at most: farther than all data."""
        return (
            FAR if isinstance(self.law, Gaussians) else max(FAR, 1.5 * float(np.abs(self.law.values).max()))
        )

    def n_draws(self, x):
        """Return the noise draws a point: fewer where own data have many points."""
        return max(1, min(N_DRAWS, N * N_DRAWS // x.size))

    def beta(self, objective):
        """Return the weight decay for an objective."""
        return self.share * cs.beta_bounds(objective, self.activation, self.skip).maximum

    def solve(self, objective):
        """Return the certified optimum."""
        return cs.solve(objective, self.beta(objective), self.activation, self.skip)

    def train(self, objective, n_trials, seed):
        """Train by Adam, all rates."""
        return train_adam(
            objective,
            self.beta(objective),
            self.activation,
            self.skip,
            n_neurons=WIDTH,
            learning_rate=RATES,
            n_epochs=self.sizes["epochs"],
            n_trials=n_trials,
            rng=seed,
        )


def draw(activation, skip, quick=False, own=None):
    """Return the figure and its numbers."""
    setting = Setting(activation, skip, LAW if own is None else own, quick)
    x = setting.law.sample(N, np.random.default_rng(SEED))
    name = "standard Gaussian" if own is None else repr(own)
    figure = Figure(figsize=(INCHES, 8.4), layout="constrained")
    figure.suptitle(f"Denoising score matching, {setting.words}, {name}, n = {x.size}", fontsize=10)
    axes = figure.subplots(3, 3)
    losses = _one_level(axes[0], setting, x)
    runs = [_run(setting, seed) for seed in range(SEED, SEED + setting.n_seeds)]
    _histograms([axes[0, 2], *axes[1:].flat], setting, runs[0])
    return figure, _report(setting, losses, runs)


def _one_level(axes, setting, x):
    """Draw losses and scores at one noise level with one draw a point."""
    objective = cs.DenoisingScoreMatching.from_clean(x, SHOWN_LEVEL, rng=SEED + 1)
    solution, trained = setting.solve(objective), setting.train(objective, setting.sizes["trials"], SEED)
    draw_losses(axes[0], trained, solution.value, f"Loss at noise {SHOWN_LEVEL:g}")
    title = f"Scores at noise {SHOWN_LEVEL:g},\none draw: {plural(solution.network.kinks.size, 'kink')}"
    adam = best_network(trained, best_rate(trained))
    draw_scores(axes[1], np.linspace(*SPAN, 401), solution.network, adam, setting.law, title, SHOWN_LEVEL)
    return {
        "beta": solution.beta,
        "kinks": solution.network.kinks,
        "certificate_gap": solution.certificate.gap,
        **loss_numbers(trained, solution.value),
    }


def _run(setting, seed):
    """Train every way at all levels and sample; return samples, distances and Adam's least relative gaps."""
    x = setting.law.sample(N, np.random.default_rng(seed))
    networks, least_gaps = _networks(setting, x, seed)
    # The first seed's are drawn.
    many = setting.sizes["chains"] if seed == SEED else setting.sizes["chains"] // 4
    samples = {name: _samples(setting, by_level, many, seed) for name, by_level in networks.items()}
    return {
        "samples": samples,
        "distances": {name: _distance(y, setting.law) for name, y in samples.items()},
        "capped": {name: _capped(y, setting) for name, y in samples.items()},
        "escaped": {name: _escaped(y, setting) for name, y in samples.items()},
        "least_gaps": least_gaps,
    }


def _networks(setting, x, seed):
    """Return, for every way of training, a network a level, and Adam's least relative gap ever."""
    repeated = np.tile(x, setting.n_draws(x))
    noise = np.random.default_rng(seed + 1000).standard_normal(repeated.size)
    networks = {name: [] for name in [CONVEX, EXPECTED, *RATES]}
    least_gaps = []
    for sigma in setting.levels:
        objective = cs.DenoisingScoreMatching(repeated + sigma * noise, -noise / sigma)
        solution = setting.solve(objective)
        networks[CONVEX].append(solution.network)
        networks[EXPECTED].append(setting.solve(cs.DenoisingScoreMatching.expected(x, sigma)).network)
        trained = setting.train(objective, setting.sizes["trials_at_a_level"], seed)
        least_gaps.append((trained.losses.min() - solution.value) / abs(solution.value))
        for rate in RATES:
            networks[rate].append(best_network(trained, rate))
    return networks, least_gaps


def _samples(setting, networks, many, seed):
    """Return annealed Langevin samples, or None where chains diverge."""
    rng = np.random.default_rng(seed + 2000)
    start = rng.uniform(-setting.far, setting.far, many)
    score = cs.NoiseConditionalScore(setting.levels, networks)
    try:
        return cs.samplers.annealed_langevin(
            score, start, setting.levels, n_steps=setting.sizes["steps"], rng=rng
        )
    except cs.ConvergenceError:
        return None


def _distance(sample, law):
    return None if sample is None else distance(sample, law)


def _capped(sample, setting):
    """Return the distance of the sample, what is farther out than starts taken to be there."""
    far = setting.far
    return far if sample is None else distance(np.clip(sample, -far, far), setting.law)


def _escaped(sample, setting):
    """Return the share of chains farther out than starts; all of them where one diverges."""
    return 1.0 if sample is None else float(np.mean(np.abs(sample) > setting.far))


def _histograms(axes, setting, run):
    """Draw the samples of the convex scores and of Adam's at all rates, for the first seed."""
    for ax, name in zip(axes, [CONVEX, *RATES], strict=True):
        who = "Convex scores" if name == CONVEX else f"Adam, rate {name:g}"
        sample = run["samples"][name]
        if sample is None:
            title = f"{who}:\nchains diverge"
        else:
            to = "" if isinstance(setting.law, Gaussians) else " to data"
            title = f"{who}:\nWasserstein-1{to} {run['distances'][name]:.3g}"
        draw_samples(ax, sample, setting.law, SPAN, title)
    expected = run["samples"][EXPECTED]
    if expected is not None:
        shares = np.full(expected.size, 60 / (expected.size * np.ptp(SPAN)))
        shape = {"bins": 60, "range": SPAN, "weights": shares, "histtype": "step", "color": ACCENT}
        axes[0].hist(expected, **shape, label="noise integrated out")
        axes[0].set_ylim(0, 1.25 * axes[0].get_ylim()[1])
        legend(axes[0])


def _claims(setting, losses, runs, means, errors):
    """Return what is claimed, and what was measured; the last three are ours."""
    least = min(min(run["least_gaps"]) for run in runs)
    claims = {
        "no trial of Adam is below the convex optimum at any epoch or level": (
            losses["never_below_by_1e-8"] and least >= -1e-8,
            f"least relative gap {least:.2g}",
        )
    }

    def said(name):
        error = f" +- {errors[name]:.1g}" if np.isfinite(errors[name]) else ""
        return f"{means[name]:.3g}{error}"

    for low, high in RANGES:
        rates = [rate for rate in RATES if low <= rate <= high]
        among = [means[rate] for rate in rates]
        distances = "; ".join(f"{rate:g}: {said(rate)}" for rate in rates)
        claims[f"sampling depends heavily on the rate from {low:g} to {high:g}"] = (
            max(among) > HEAVY * min(among),
            f"mean distances at {distances}; convex {said(CONVEX)}",
        )
    unstable = {rate: sum(run["escaped"][rate] > 0 for run in runs) for rate in RATES}
    counted = ", ".join(f"{rate:g}: {count}" for rate, count in unstable.items())
    claims["Adam's sampling may be unstable"] = (
        any(unstable.values()),
        f"runs of {len(runs)} with chains beyond {setting.far:.3g} at rate {counted}",
    )
    label = setting.law.label
    tolerance = NEAR * setting.law.std
    claims[f"ours: samples of the convex scores follow the {label}"] = (
        means[CONVEX] <= tolerance,
        f"mean distance {said(CONVEX)}, at most {tolerance:.3g} allowed",
    )
    claims["ours: they do with the noise integrated out"] = (
        means[EXPECTED] <= tolerance,
        f"mean distance {said(EXPECTED)}",
    )
    nearest = min(RATES, key=means.get)
    claims["ours: no rate of Adam samples better than the convex scores by a tenth of the distance"] = (
        means[nearest] >= 0.9 * means[CONVEX],
        f"rate {nearest:g}: {said(nearest)}, convex {said(CONVEX)}",
    )
    return claims


def _report(setting, losses, runs):
    names = [CONVEX, EXPECTED, *RATES]
    means = {name: float(np.mean([run["capped"][name] for run in runs])) for name in names}
    errors = {name: standard_error([run["capped"][name] for run in runs]) for name in names}
    x = setting.law.sample(N, np.random.default_rng(SEED))
    parameters = {
        "seed": SEED,
        "seeds": [SEED + number for number in range(len(runs))],
        "n": x.size,
        "law": repr(setting.law),
        "network": setting.words,
        "width": WIDTH,
        "learning_rates": RATES,
        **setting.sizes,
        "noise_levels": setting.levels,
        "noise_draws": setting.n_draws(x),
        "share_of_threshold": setting.share,
        "tolerance_of_wasserstein": NEAR * setting.law.std,
        "heavy_is_a_ratio_above": HEAVY,
        **({"data": setting.law.parameters} if isinstance(setting.law, Own) else {}),
    }
    return report(
        _claims(setting, losses, runs, means, errors),
        parameters,
        setting.quick,
        standard_errors={"mean_capped_wasserstein": errors},
        mean_capped_wasserstein=means,
        wasserstein_samples_to_law=runs[0]["distances"],
        wasserstein_samples_to_law_by_seed=[run["distances"] for run in runs],
        share_of_chains_escaped_by_seed=[run["escaped"] for run in runs],
        wasserstein_data_to_law=None if isinstance(setting.law, Own) else distance(x, setting.law),
        least_relative_gaps_of_adam_by_level=np.min([run["least_gaps"] for run in runs], axis=0),
        **{f"losses_at_noise_{SHOWN_LEVEL:g}": losses},
    )
