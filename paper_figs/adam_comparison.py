"""Figures 3, 4 and 7 to 10: score matching by Adam and by convex optimization, and Langevin samples.

The source plots losses of Adam's trials above the convex optimum, the convex score, and a histogram of
samples.  Chosen by us, because the source's values do not reach us: 500 points (seed 0), width 100, Adam at
five rates (0.001 to 0.1, the same 10 starts; the rate of least median final loss is shown), 10 000 chains
from uniform starts on the range of the data, step ``0.05 / (steepest slope)``, 1000 steps.

The upper row has a weight decay just under the threshold above which the network is a constant (without
skip: ``n``) or a line (with skip).  Without skip the slope is then ``(beta / n - 1) / v``: almost nothing is
left of it, and no sampler makes up for that.  The lower row has a smaller weight decay, where the slope is
near the Gaussian ``-1 / v`` or the score bends.

"Samples follow the truth" means a Wasserstein-1 distance of at most a tenth of its standard deviation.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import report
from .laws import Gaussians, Uniform, distance
from .panels import best_rate, draw_losses, draw_samples, draw_scores, loss_numbers, trials_of

SEED, N, WIDTH, RATES = 0, 500, 100, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
NEAR = 0.1


@dataclass(frozen=True)
class Setting:
    """A law, a network, and the lower row's weight decay as a share of the threshold."""

    law: Gaussians | Uniform
    name: str
    activation: str = "relu"
    skip: bool = False
    share: float = 0.1

    @property
    def network(self):
        """Return the network in words."""
        return f"{'ReLU' if self.activation == 'relu' else 'abs'} {'with' if self.skip else 'without'} skip"


def draw(setting, quick=False):
    """Return the figure and its numbers."""
    x = setting.law.sample(N, np.random.default_rng(SEED))
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, setting.activation, setting.skip)
    # Half a percent under the threshold with skip, for one unit may already be far from it there.
    under = 0.995 * bounds.maximum if setting.skip else bounds.maximum - 1
    betas = {"just_under_threshold": under, "smaller": setting.share * bounds.maximum}
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    figure.suptitle(f"Score matching, {setting.network}, {setting.name}, n = {N}", fontsize=11)
    rows = {
        name: _row(axes, setting, objective, beta, quick)
        for axes, (name, beta) in zip(figure.subplots(2, 3), betas.items(), strict=True)
    }
    return figure, _report(setting, bounds, betas, rows, distance(x, setting.law), quick)


def _row(axes, setting, objective, beta, quick):
    """Draw losses, scores and samples at one weight decay; return the numbers."""
    solution = cs.solve(objective, beta, setting.activation, setting.skip)
    trained = train_adam(
        objective,
        beta,
        setting.activation,
        setting.skip,
        n_neurons=WIDTH,
        learning_rate=RATES,
        n_epochs=60 if quick else 500,
        n_trials=3 if quick else 10,
        rng=SEED,
    )
    draw_losses(axes[0], trained, solution.value, f"Loss at weight decay {beta:.4g}")
    shown = np.flatnonzero(trained.learning_rates == best_rate(trained))
    adam = trained.networks[shown[np.argmin(trials_of(trained, best_rate(trained))[:, -1])]]
    x = objective.X[:, 0]
    margin = 0.15 * np.ptp(x)
    grid = np.linspace(x.min() - margin, x.max() + margin, 401)
    slope = np.polyfit(x, solution.network(x), 1)[0]
    share = -slope * x.var()
    n_kinks = solution.network.kinks.size
    title = f"Scores, {n_kinks} kink{'s' * (n_kinks != 1)}\nmean slope {share:.3g} of the Gaussian -1/v"
    draw_scores(axes[1], grid, solution.network, adam, setting.law.score(grid), title)
    sampled = _sample_panel(axes[2], setting, solution.network, x, quick)
    return {
        "beta": beta,
        "kinks": solution.network.kinks,
        "certificate_gap": solution.certificate.gap,
        "mean_slope_over_gaussian_slope": share,
        **loss_numbers(trained, solution.value),
        **sampled,
    }


def _sample_panel(ax, setting, network, x, quick):
    """Run Langevin chains with the convex score, draw them and return their distances."""
    density = cs.ScoreDensity(network)
    rng = np.random.default_rng(SEED + 1)
    start = rng.uniform(x.min(), x.max(), 2000 if quick else 10_000)
    step = 0.05 / np.abs(network.piecewise.slopes).max()
    sample = cs.samplers.langevin(network, start, step, 200 if quick else 1000, rng)
    ends = np.array([setting.law.icdf([0.001, 0.999]), density.icdf([0.002, 0.998])])
    span = (ends[:, 0].min(), ends[:, 1].max())
    to_truth = distance(sample, setting.law)
    title = f"Langevin samples of the convex score\nWasserstein-1 distance to the truth {to_truth:.3g}"
    curves = [(density.pdf, "-", "exact learned density")]
    draw_samples(ax, sample, setting.law, span, title, curves)
    return {
        "langevin_step": step,
        "wasserstein_samples_to_truth": to_truth,
        "wasserstein_samples_to_learned_density": distance(sample, density),
        "std_of_learned_density": density.std(),
    }


def _report(setting, bounds, betas, rows, of_data, quick):
    tolerance = NEAR * setting.law.std
    claims = {
        "no trial of Adam is below the convex optimum at any epoch": all(
            row["never_below_by_1e-8"] for row in rows.values()
        )
    }
    for name, row in rows.items():
        sentence = f"samples of the convex score follow the truth at beta = {row['beta']:.4g}"
        claims[sentence] = row["wasserstein_samples_to_truth"] <= tolerance
        if setting.skip and name == "just_under_threshold":
            slope = row["mean_slope_over_gaussian_slope"]
            claims["just under the threshold the score is the line -(x - mu)/v"] = abs(slope - 1) < 0.02
    parameters = {
        "seed": SEED,
        "n": N,
        "law": repr(setting.law),
        "network": setting.network,
        "width": WIDTH,
        "learning_rates": RATES,
        "betas": betas,
        "tolerance_of_wasserstein": tolerance,
    }
    return report(
        claims, parameters, quick, beta_bounds=vars(bounds), wasserstein_data_to_truth=of_data, **rows
    )
