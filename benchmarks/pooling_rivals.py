"""Estimators on the line for `pooling.py`: each has a score, and a log density and samples where it can."""

import numpy as np
from planar_rivals import kernel_exponential_family_score, stein_score
from pooling_laws import log_density_of
from quality import best_kernel, best_mixture, gaussian, silverman
from rivals import adam_score, spline_score

import convexscore as cs


class Estimate:
    """A fitted score; `logpdf` and `sample` are None without a density."""

    def __init__(self, score, logpdf=None, sample=None):
        self.score, self.logpdf, self.sample = score, logpdf, sample


def of_mixture(fit):
    def estimate(x, rng):
        mixture = fit(x)
        # Scales of kernel estimates of tied data may be next to zero.
        return Estimate(mixture.score, log_density_of(mixture), mixture.sample)

    return estimate


def of_score(fit):
    """Integrate a score on a grid; without a density if a tail does not decay."""

    def estimate(x, rng):
        score = fit(x, rng)
        reach = 4 * np.ptp(x)
        grid = np.linspace(x.min() - reach, x.max() + reach, 60_001)
        slope = score(grid)
        if slope[0] <= 0 or slope[-1] >= 0:
            return Estimate(score)
        log = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(grid))])
        log -= log.max()
        log -= np.log(np.trapezoid(np.exp(log), grid))
        share = np.cumsum(np.exp(log))
        return Estimate(
            score,
            lambda points: np.interp(points, grid, log),
            lambda n, rng: np.interp(rng.uniform(0, share[-1], n), share, grid),
        )

    return estimate


def of_one_column(fit):
    """Return the score on the line of an estimator for any number of features."""

    def estimate(x, rng):
        score = fit(x[:, None], rng)
        return lambda points: score(np.ravel(points)[:, None])[:, 0]

    return estimate


def of_network(**options):
    def estimate(x, rng):
        network = cs.solve(cs.ScoreMatching(x), "auto", skip=True, **options).network
        try:
            density = cs.ScoreDensity(network)
        except cs.NotNormalizableError:
            return Estimate(network)
        return Estimate(network, density.logpdf, density.sample)

    return estimate


def pooled(*members):
    def estimate(x, rng):
        chosen = {"members": members} if members else {}
        found = cs.PooledScore.fit(x, rng=rng, **chosen)
        return Estimate(found, found.logpdf, found.sample)

    return estimate


RIVALS = {
    "gaussian": of_mixture(gaussian),
    "kde silverman": of_mixture(silverman),
    "kde cv": of_mixture(best_kernel),
    "mixture bic": of_mixture(best_mixture),
    "spline cv": of_score(spline_score),
    "kernel exp. family": of_score(of_one_column(kernel_exponential_family_score)),
    "stein": of_score(of_one_column(stein_score)),
    "adam": of_score(adam_score),
    "convex auto": of_network(),
    "log-concave": of_network(shape="log-concave"),
    "pooled": pooled(),
    "pooled, no mixtures": pooled("line", "network", "transformed"),
    "pooled, no transformations": pooled("line", "network", "mixture"),
}
#: What the pool is measured against.
OTHERS = (
    "gaussian",
    "kde silverman",
    "kde cv",
    "mixture bic",
    "spline cv",
    "kernel exp. family",
    "stein",
    "adam",
    "convex auto",
    "log-concave",
)
