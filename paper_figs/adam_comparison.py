"""Figures 3, 4 and 7 to 10: score matching by Adam and by convex optimization, and Langevin samples.

The source plots losses of ten trials of Adam of 500 epochs above the convex optimum, the convex score, and a
histogram of Langevin samples from uniform starts.  Chosen by us, because the source's values do not reach us:
500 points (seed 0), width 100, Adam at five rates (0.001 to 0.1, the same 10 starts; the rate of least median
final loss is shown), 10 000 chains started on the range of the data, step ``0.05 / (steepest slope)``, 1000
steps.

The upper row has a weight decay of one less than the threshold above which the network is a constant (without
skip: ``n``) or a line (with skip).  Without skip the slope is then ``(beta / n - 1) / v``: almost nothing is
left of it, and no sampler makes up for that.  The lower row has a smaller weight decay, where the slope is
near the Gaussian ``-1 / v`` or the score bends.

"Samples are consistent with the score" means a Wasserstein-1 distance to the learned density of at most a
tenth of its standard deviation; "samples follow the truth" the same of the law.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.baselines import train_adam

from .common import WIDTH as INCHES
from .common import report
from .laws import Gaussians, Own, Uniform, distance
from .panels import best_network, best_rate, draw_losses, draw_samples, draw_scores, loss_numbers, plural

SEED, N, WIDTH, RATES = 0, 500, 100, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
NEAR, MINOR = 0.1, 0.01


@dataclass(frozen=True)
class Setting:
    """A law, a network, the lower row's weight decay as a share of the threshold, and what is claimed.

    `follows`: that samples follow the truth, which is a claim of ours; `minor`: that Adam comes near the
    optimum at the threshold; `apart`: that it does not at the smaller weight decay.
    """

    law: Gaussians | Uniform | Own
    name: str
    activation: str = "relu"
    skip: bool = False
    share: float = 0.1
    follows: bool = False
    minor: bool = False
    apart: bool = False

    @property
    def network(self):
        """Return the network in words."""
        return f"{'ReLU' if self.activation == 'relu' else 'abs'} {'with' if self.skip else 'without'} skip"


def draw(setting, quick=False, own=None):
    """Return the figure and its numbers."""
    law = setting.law if own is None else own
    name = setting.name if own is None else repr(own)
    x = law.sample(N, np.random.default_rng(SEED))
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, setting.activation, setting.skip)
    # Own data may be too few, or too tied, for one less.
    under = max(bounds.maximum - 1, (bounds.minimum + bounds.maximum) / 2)
    smaller = min(under, max(setting.share * bounds.maximum, 1.01 * bounds.minimum))
    betas = {"threshold_minus_one": under, "smaller": smaller}
    figure = Figure(figsize=(INCHES, 6.4), layout="constrained")
    figure.suptitle(f"Score matching, {setting.network}, {name}, n = {x.size}", fontsize=10)
    rows = {
        key: _row(axes, setting, law, objective, beta, bounds, quick)
        for axes, (key, beta) in zip(figure.subplots(2, 3), betas.items(), strict=True)
    }
    return figure, _report(setting, law, bounds, betas, rows, x, quick)


def _from_line(network, x, slope):
    """Return the largest difference on the data from a line through their mean, as a share of its values."""
    line = slope * (x - x.mean())
    return float(np.abs(network(x) - line).max() / np.abs(line).max())


def _sizes(quick):
    """Return the numbers of trials, epochs, chains and their steps."""
    if quick:
        return {"trials": 3, "epochs": 60, "chains": 2000, "steps": 200}
    return {"trials": 10, "epochs": 500, "chains": 10_000, "steps": 1000}


def _row(axes, setting, law, objective, beta, bounds, quick):
    """Draw losses, scores and samples at one weight decay; return the numbers."""
    solution = cs.solve(objective, beta, setting.activation, setting.skip)
    trained = train_adam(
        objective,
        beta,
        setting.activation,
        setting.skip,
        n_neurons=WIDTH,
        learning_rate=RATES,
        n_epochs=_sizes(quick)["epochs"],
        n_trials=_sizes(quick)["trials"],
        rng=SEED,
    )
    draw_losses(axes[0], trained, solution.value, f"Loss, weight decay {beta:.4g}")
    x = objective.X[:, 0]
    margin = 0.15 * np.ptp(x)
    grid = np.linspace(x.min() - margin, x.max() + margin, 401)
    slope = np.polyfit(x, solution.network(x), 1)[0]
    share = -slope * x.var()
    closed = None
    if not setting.skip and beta >= bounds.linear:
        closed = _from_line(solution.network, x, (beta / x.size - 1) / x.var())
    n_kinks = solution.network.kinks.size
    title = f"Scores: {plural(n_kinks, 'kink')}, mean slope\n{share:.3g} of the Gaussian -1/v"
    adam = best_network(trained, best_rate(trained))
    draw_scores(axes[1], grid, solution.network, adam, law, title)
    return {
        "beta": beta,
        "kinks": solution.network.kinks,
        "certificate_gap": solution.certificate.gap,
        "mean_slope_over_gaussian_slope": share,
        "distance_from_closed_form": closed,
        **loss_numbers(trained, solution.value),
        **_sample_panel(axes[2], law, solution.network, x, quick),
    }


def _sample_panel(ax, law, network, x, quick):
    """Run Langevin chains with the convex score, draw them and return their distances."""
    rng = np.random.default_rng(SEED + 1)
    sizes = _sizes(quick)
    start = rng.uniform(x.min(), x.max(), sizes["chains"])
    step = 0.05 / max(np.abs(network.piecewise.slopes).max(), 1e-12)
    try:
        density = cs.ScoreDensity(network)
    except cs.NotNormalizableError:
        density = None
    try:
        sample = cs.samplers.langevin(network, start, step, sizes["steps"], rng)
    except cs.ConvergenceError:
        sample = None
    laws = [law.icdf([0.001, 0.999])] + ([] if density is None else [density.icdf([0.002, 0.998])])
    ends = np.array(laws)
    span = (ends[:, 0].min(), ends[:, 1].max())
    numbers = {
        "langevin_step": step,
        "wasserstein_samples_to_law": None if sample is None else distance(sample, law),
        "wasserstein_samples_to_learned_density": None,
        "std_of_learned_density": None if density is None else density.std(),
        "wasserstein_samples_over_std_of_learned_density": None,
    }
    title = "Langevin, convex score:\nits score has no density"
    if density is not None and sample is not None:
        to_learned = distance(sample, density)
        relative = to_learned / density.std()
        numbers["wasserstein_samples_to_learned_density"] = to_learned
        numbers["wasserstein_samples_over_std_of_learned_density"] = relative
        title = f"Langevin, convex score:\n{relative:.3g} std. from learned density"
    draw_samples(ax, sample, law, span, title, density)
    return numbers


def _report(setting, law, bounds, betas, rows, x, quick):
    claims = {}
    least = min(row["least_gap_at_any_epoch"] for row in rows.values())
    claims["no trial of Adam is below the convex optimum at any epoch"] = (
        all(row["never_below_by_1e-8"] for row in rows.values()),
        f"least gap {least:.2g}",
    )
    for row in rows.values():
        claims.update(_sampling_claims(setting, law, row))
    claims.update(_source_claims(setting, *rows.values()))
    parameters = {
        "seed": SEED,
        "n": x.size,
        "law": repr(law),
        "network": setting.network,
        "width": WIDTH,
        "learning_rates": RATES,
        **_sizes(quick),
        "betas": betas,
        "tolerance_of_wasserstein_over_std": NEAR,
        **({"data": law.parameters} if isinstance(law, Own) else {}),
    }
    of_data = None if isinstance(law, Own) else distance(x, law)
    return report(
        claims, parameters, quick, beta_bounds=vars(bounds), wasserstein_data_to_law=of_data, **rows
    )


def _sampling_claims(setting, law, row):
    """Return what is claimed of samples, of the learned density and, where we claim it, of the law."""
    at = f"at weight decay {row['beta']:.4g}"
    relative = row["wasserstein_samples_over_std_of_learned_density"]
    if relative is None:
        measured = "no density: its outer slope is not negative"
    else:
        far = ": the chains have not mixed" if relative > NEAR else ""
        measured = f"{relative:.3g} standard deviations from the learned density{far}"
    yield (
        f"samples are consistent with the convex score {at}",
        (relative is not None and relative <= NEAR, measured),
    )
    if setting.follows:
        to_law = row["wasserstein_samples_to_law"]
        near = to_law is not None and to_law <= NEAR * law.std
        measured = "they diverge" if to_law is None else f"{to_law / law.std:.3g} standard deviations from it"
        yield f"ours: samples follow the {law.label} {at}", (near, measured)


def _source_claims(setting, upper, lower):
    """Return what the source says of losses and scores."""
    certified = max(row["certificate_gap"] / max(abs(row["convex_optimum"]), 1e-3) for row in (upper, lower))
    yield "the loss is optimal", (certified <= 1e-6, f"relative gap to the dual bound {certified:.1g}")
    if setting.skip:
        share = upper["mean_slope_over_gaussian_slope"]
        yield (
            "one under the threshold the score has a slope of about -1/v",
            (abs(share - 1) <= 0.05, f"{share:.3g} of it on average"),
        )
    elif (off := upper["distance_from_closed_form"]) is not None:
        yield (
            "one under the threshold the score is the line of section 3.3",
            (off <= 1e-6, f"off by {off:.1g}"),
        )
    best, worst = (
        min(gap["best"] for gap in row["final_gap_of_adam_by_rate"].values()) for row in (upper, lower)
    )
    if setting.minor:
        relative = best / abs(upper["convex_optimum"])
        yield (
            "one under the threshold Adam's gap is minor",
            (relative <= MINOR, f"{relative:.2g} of the optimum"),
        )
    if setting.apart:
        relative = worst / abs(lower["convex_optimum"])
        yield (
            f"Adam ends above the optimum at weight decay {lower['beta']:.4g}",
            (relative > MINOR, f"{relative:.2g} of it at best"),
        )
