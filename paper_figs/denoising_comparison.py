"""Figures 5 and 11 to 13: denoising score matching by Adam and by convex optimization, and annealed Langevin.

The source plots losses of Adam's trials above the convex optimum, and histograms of annealed Langevin samples
with the convex scores and with Adam's at three rates.  Chosen by us, because the source's values do not reach
us: 100 standard Gaussian points (seed 0); the losses at noise level 0.5 with one noise draw a point; eight
noise levels from 3 to 0.1 with ten draws a point, the same draws at every level; a weight decay of 0.1
(without skip) or 0.5 (with skip) of the threshold above which the network is a constant or a line; width 100;
rates 0.001, 0.01, 0.1; and at each level the Adam network of least loss of all trials of a rate.  Chains
start uniformly on [-8, 8] and take 100 steps of ``0.1 sigma^2`` a level.

One draw a point and no draws at all, but the expectation over the noise, are run as well: their distances
tell what the draws cost.

"Samples follow the truth" means a Wasserstein-1 distance of at most a tenth of its standard deviation;
"better" means nearer by more than a hundredth of it, the size of the Monte Carlo error.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import ACCENT, report
from .laws import Gaussians, distance
from .panels import best_rate, draw_losses, draw_samples, draw_scores, loss_numbers

SEED, N, WIDTH, RATES = 0, 100, 100, (1e-3, 1e-2, 1e-1)
SHOWN_LEVEL, LARGEST, SMALLEST, N_DRAWS = 0.5, 3.0, 0.1, 10
LAW, NEAR, SPAN = Gaussians(), 0.1, (-4.0, 4.0)


@dataclass(frozen=True)
class Setting:
    """A network, the share of the threshold that is its weight decay, and the size of the run."""

    activation: str
    skip: bool
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
        """Return the noise levels, descending."""
        return np.geomspace(LARGEST, SMALLEST, 5 if self.quick else 8)

    def beta(self, objective):
        """Return the weight decay for an objective."""
        return self.share * cs.beta_bounds(objective, self.activation, self.skip).maximum

    def solve(self, objective):
        """Return the certified optimum."""
        return cs.solve(objective, self.beta(objective), self.activation, self.skip)

    def train(self, objective):
        """Train by Adam, all rates."""
        return train_adam(
            objective,
            self.beta(objective),
            self.activation,
            self.skip,
            n_neurons=WIDTH,
            learning_rate=RATES,
            n_epochs=40 if self.quick else 200,
            n_trials=3 if self.quick else 10,
            rng=SEED,
        )


def draw(activation, skip, quick=False):
    """Return the figure and its numbers."""
    setting = Setting(activation, skip, quick)
    x = LAW.sample(N, np.random.default_rng(SEED))
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    figure.suptitle(f"Denoising score matching, {setting.words}, standard Gaussian, n = {N}", fontsize=11)
    axes = figure.subplots(2, 3)
    losses = _one_level(axes[0], setting, x)
    networks, least_gaps = _networks(setting, x)
    samples, distances = {}, {}
    for name, by_level in networks.items():
        samples[name] = _samples(setting, by_level)
        distances[name] = None if samples[name] is None else distance(samples[name], LAW)
    _histograms([axes[0, 2], *axes[1]], samples, distances)
    return figure, _report(setting, x, losses, least_gaps, distances)


def _one_level(axes, setting, x):
    """Draw losses and scores at one noise level with one draw a point."""
    objective = cs.DenoisingScoreMatching.from_clean(x, SHOWN_LEVEL, rng=SEED + 1)
    solution, trained = setting.solve(objective), setting.train(objective)
    draw_losses(axes[0], trained, solution.value, f"Loss at noise {SHOWN_LEVEL:g}, one draw")
    rate = best_rate(trained)
    final = np.where(trained.learning_rates == rate, trained.losses[:, -1], np.inf)
    grid = np.linspace(*SPAN, 401)
    n_kinks = solution.network.kinks.size
    title = f"Scores at noise {SHOWN_LEVEL:g}, one draw: {n_kinks} kink{'s' * (n_kinks != 1)}"
    adam, truth = trained.networks[int(np.argmin(final))], LAW.score(grid, SHOWN_LEVEL)
    draw_scores(axes[1], grid, solution.network, adam, truth, title)
    return {
        "beta": solution.beta,
        "kinks": solution.network.kinks,
        "certificate_gap": solution.certificate.gap,
        **loss_numbers(trained, solution.value),
    }


def _networks(setting, x):
    """Return, for every way of training, a network a level, and Adam's least relative gap ever."""
    repeated = np.tile(x, N_DRAWS)
    noise = np.random.default_rng(SEED + 2).standard_normal(repeated.size)
    names = ["convex", "convex, one draw", "convex, no draws", *RATES]
    networks = {name: [] for name in names}
    least_gaps = []
    for sigma in setting.levels:
        objective = cs.DenoisingScoreMatching(repeated + sigma * noise, -noise / sigma)
        one = cs.DenoisingScoreMatching(x + sigma * noise[:N], -noise[:N] / sigma)
        expected = cs.DenoisingScoreMatching.expected(x, sigma)
        solution = setting.solve(objective)
        networks["convex"].append(solution.network)
        networks["convex, one draw"].append(setting.solve(one).network)
        networks["convex, no draws"].append(setting.solve(expected).network)
        trained = setting.train(objective)
        least_gaps.append((trained.losses.min() - solution.value) / abs(solution.value))
        for rate in RATES:
            final = np.where(trained.learning_rates == rate, trained.losses[:, -1], np.inf)
            networks[rate].append(trained.networks[int(np.argmin(final))])
    return networks, least_gaps


def _samples(setting, networks):
    """Return annealed Langevin samples, or None where chains diverge."""
    rng = np.random.default_rng(SEED + 3)
    start = rng.uniform(-8, 8, 2000 if setting.quick else 5000)
    score = cs.NoiseConditionalScore(setting.levels, networks)
    try:
        return cs.samplers.annealed_langevin(score, start, setting.levels, n_steps=100, rng=rng)
    except cs.ConvergenceError:
        return None


def _histograms(axes, samples, distances):
    """Draw the samples of the convex scores and of Adam's at three rates."""
    for ax, name in zip(axes, ["convex", *RATES], strict=True):
        who = "Convex scores" if name == "convex" else f"Adam's scores, rate {name:g}"
        if samples[name] is None:
            title, sample = f"{who}: chains diverge", np.zeros(0)
        else:
            title = f"{who}: annealed Langevin\nWasserstein-1 distance to the truth {distances[name]:.3g}"
            sample = samples[name]
        draw_samples(ax, sample, LAW, SPAN, title)
    if samples["convex, no draws"] is not None:
        shape = {"bins": 60, "range": SPAN, "density": True, "histtype": "step", "color": ACCENT}
        axes[0].hist(samples["convex, no draws"], **shape, label="noise integrated out")
        axes[0].legend(frameon=False, fontsize=8, loc="upper right")


def _report(setting, x, losses, least_gaps, distances):
    tolerance = NEAR * LAW.std
    of_convex = distances["convex"]
    of_adam = [distances[rate] for rate in RATES if distances[rate] is not None]

    def near(value):
        return value is not None and value <= tolerance

    claims = {
        "no trial of Adam is below the convex optimum at any epoch or level": (
            losses["never_below_by_1e-8"] and min(least_gaps) >= -1e-8
        ),
        "samples of the convex scores follow the truth": near(of_convex),
        "they do with the noise integrated out": near(distances["convex, no draws"]),
        "no rate of Adam samples better than the convex scores": (
            of_convex is not None and min(of_adam, default=np.inf) >= of_convex - tolerance / 10
        ),
    }
    parameters = {
        "seed": SEED,
        "n": N,
        "network": setting.words,
        "width": WIDTH,
        "learning_rates": RATES,
        "noise_levels": setting.levels,
        "noise_draws": N_DRAWS,
        "share_of_threshold": setting.share,
        "tolerance_of_wasserstein": tolerance,
    }
    return report(
        claims,
        parameters,
        setting.quick,
        wasserstein_data_to_truth=distance(x, LAW),
        wasserstein_samples_to_truth=distances,
        least_relative_gaps_of_adam_by_level=least_gaps,
        **{f"losses_at_noise_{SHOWN_LEVEL:g}": losses},
    )
