"""Laws on the line with scores and log densities, and real columns, for `pooling.py`."""

import numpy as np
from quality import CHOSEN_ON, TRUTHS, Mixture
from scipy import stats
from sklearn import datasets

import convexscore as cs


class Law:
    """A law to sample from, with its score and log density."""

    def __init__(self, sample, score, logpdf):
        self.sample, self.score, self.logpdf = sample, score, logpdf


def of_mixture(weights, means, scales):
    mixture = Mixture(weights, means, scales)
    return Law(mixture.sample, mixture.score, log_density_of(mixture))


def log_density_of(mixture):
    return cs.targets.GaussianMixture(mixture.weights, mixture.means, mixture.scales).logpdf


def of_scipy(law, score):
    return Law(lambda n, rng: law.rvs(n, random_state=rng), score, law.logpdf)


def known(truth):
    if isinstance(truth, Mixture):
        return Law(truth.sample, truth.score, log_density_of(truth))
    return of_scipy(truth.law, truth.score)


def skew_normal_score(x, a=4.0):
    return -x + a * np.exp(stats.norm.logpdf(a * x) - stats.norm.logcdf(a * x))


MORE = {
    "logistic": of_scipy(stats.logistic(), lambda x: -np.tanh(x / 2)),
    "t3": of_scipy(stats.t(3), lambda x: -4 * x / (3 + x**2)),
    "gamma3": of_scipy(stats.gamma(3), lambda x: 2 / x - 1),
    "log-normal": of_scipy(stats.lognorm(0.5), lambda x: -1 / x - np.log(x) / (0.25 * x)),
    "weibull": of_scipy(stats.weibull_min(2.5), lambda x: 1.5 / x - 2.5 * x**1.5),
    "beta": of_scipy(stats.beta(3, 5), lambda x: 2 / x - 4 / (1 - x)),
    "skew-normal": of_scipy(stats.skewnorm(4), skew_normal_score),
    "kurtotic": of_mixture([2 / 3, 1 / 3], [0, 0], [1, 0.1]),
    "outlier": of_mixture([0.1, 0.9], [0, 0], [1, 0.1]),
    "unequal": of_mixture([0.85, 0.15], [0, 4], [1, 0.5]),
    "three groups": of_mixture([0.2, 0.5, 0.3], [-5, 0, 6], [0.5, 1, 0.8]),
    "comb": of_mixture([0.4, 0.3, 0.2, 0.1], [-2, 0, 1.5, 2.5], [0.6, 0.4, 0.25, 0.15]),
    "asymmetric claw": of_mixture(
        [0.5, 0.2, 0.15, 0.1, 0.05], [0, -1.5, -0.5, 0.5, 1.5], [1, 0.2, 0.15, 0.1, 0.08]
    ),
    "generalized normal": of_scipy(stats.gennorm(4), lambda x: -4 * x**3),
}
LAWS = {name: known(truth) for name, truth in TRUTHS.items()} | MORE
#: Constants of the pool were chosen on these; the others are reported as held out.
DESIGN = CHOSEN_ON


def columns():
    """Return real columns: measured, rounded, tied, skewed and heavy-tailed ones."""
    found = {}
    for name, picked in (
        ("iris", range(4)),
        ("wine", range(13)),
        ("breast_cancer", range(30)),
        ("diabetes", (0, 2, 3, 4, 9)),
    ):
        data = getattr(datasets, f"load_{name}")()
        for k in picked:
            found[f"{name}: {data.feature_names[k]}"] = data.data[:, k]
    faithful = cs.datasets.load_old_faithful()
    found |= {f"faithful: {name}": faithful[name] for name in ("eruptions", "waiting")}
    found["galaxies"] = cs.datasets.load_galaxies()["velocity_km_s"]
    return found


#: A dozen of different kinds, for short runs.
FEW_COLUMNS = (
    "iris: sepal length (cm)",
    "iris: petal length (cm)",
    "wine: malic_acid",
    "wine: proline",
    "wine: color_intensity",
    "breast_cancer: mean radius",
    "breast_cancer: mean concavity",
    "breast_cancer: area error",
    "diabetes: s1",
    "diabetes: bmi",
    "faithful: eruptions",
    "galaxies",
)
