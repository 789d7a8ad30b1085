"""Coverage of bands: how often the bootstrap's bands of nominal level 0.9 have the truth in them.

Each data set is fitted with skip, and ``density().interval_bands(0.9, 39)`` made of it.  Looked at are score
and density at the truth's own 5 %, 10 %, .. 95 % quantiles, and these quantiles.  Pointwise coverage is the
mean over the 19 places, simultaneous coverage how often all 19 are covered at once.  *own mean* is pointwise
coverage, not of the truth, but of the mean estimate over all data sets: what bands would cover if there were
no bias.  Standard errors, over data sets, are at most those of a share of that many sets.

*auto* has the weight decay of ``solve(x, "auto")``; *root* one of ``0.4 sqrt(n)`` whatever the data, which
smooths less, with ``tails="integrable"``.  Of data with limits, whose weights are ``h``, it is
``0.4 sqrt(sum h^2)``, which is the same where ``h`` is one.

Run: python benchmarks/bands.py [--limits] [--sets 100] [--sizes 100 300 1000] [--table docs/bands.md]
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.optimize import brentq

import convexscore as cs

LEVEL, REPLICATES = 0.9, 39
PROBABILITIES = np.linspace(0.05, 0.95, 19)
SIZES = (100, 300, 1000)


class Known:
    """A SciPy distribution with its score, and its limits if it has some."""

    def __init__(self, law, score, support=None):
        self.logpdf, self.icdf, self.score, self.support = law.logpdf, law.ppf, score, support
        self.sample = lambda n, rng: law.rvs(n, random_state=rng)


class Bimodal:
    """Two Gaussians of deviation one, three apart."""

    support = None
    parts = stats.norm(-1.5), stats.norm(1.5)

    def sample(self, n, rng):
        return rng.choice([-1.5, 1.5], n) + rng.standard_normal(n)

    def logpdf(self, x):
        return np.log(0.5 * sum(part.pdf(x) for part in self.parts))

    def score(self, x):
        return 1.5 * np.tanh(1.5 * x) - x

    def icdf(self, q):
        return np.array([brentq(lambda x, p=p: self.cdf(x) - p, -9.0, 9.0) for p in q])

    def cdf(self, x):
        return 0.5 * sum(part.cdf(x) for part in self.parts)


LAWS = {
    "normal": Known(stats.norm(), lambda x: -x),
    "logistic": Known(stats.logistic(), lambda x: -np.tanh(0.5 * x)),
    "laplace": Known(stats.laplace(), lambda x: -np.sign(x)),
    "t5": Known(stats.t(5), lambda x: -6 * x / (5 + x**2)),
    "gumbel": Known(stats.gumbel_r(), lambda x: np.exp(-x) - 1),
    "bimodal": Bimodal(),
}
LIMITED = {
    "exponential": Known(stats.expon(), lambda x: -np.ones_like(x), (0, None)),
    "half-normal": Known(stats.halfnorm(), lambda x: -x, (0, None)),
    "gamma(2)": Known(stats.gamma(2.0), lambda x: 1 / x - 1, (0, None)),
    "beta(2, 3)": Known(stats.beta(2.0, 3.0), lambda x: 1 / x - 2 / (1 - x), (0, 1)),
}
METHODS = ("auto", "root")


def decay(objective, method):
    return "auto" if method == "auto" else 0.4 * np.sqrt(np.sum(objective.boundary[0] ** 2))


def bands_of(objective, method, points, seed):
    """Return the bands of score, log-density and quantiles."""
    with warnings.catch_warnings():
        # Masses of groups that disagree with the data are said to.
        warnings.simplefilter("ignore", UserWarning)
        tails = None if method == "auto" else "integrable"
        solution = cs.solve(objective, decay(objective, method), skip=True, tails=tails)
    found = solution.density().interval_bands(
        LEVEL, REPLICATES, seed, points=points, probabilities=PROBABILITIES
    )
    return found.score, found.logpdf, found.quantile


def coverage(law, n, method, sets):
    """Return pointwise, simultaneous and own coverage of the three functions."""
    points = law.icdf(PROBABILITIES)
    truths = law.score(points), law.logpdf(points), points
    rngs = np.random.default_rng(n).spawn(sets)
    samples = (cs.ScoreMatching(law.sample(n, rng), support=law.support) for rng in rngs)
    found = [bands_of(objective, method, points, seed) for seed, objective in enumerate(samples)]
    rows = []
    for bands, truth in zip(zip(*found, strict=True), truths, strict=True):
        inside = np.array([(b.lower <= truth) & (truth <= b.upper) for b in bands])
        whole = [((b.simultaneous_lower <= truth) & (truth <= b.simultaneous_upper)).all() for b in bands]
        mean = np.mean([b.estimate for b in bands], axis=0)
        own = np.mean([(b.lower <= mean) & (mean <= b.upper) for b in bands])
        rows.append((inside.mean(), np.mean(whole), own))
    return rows


def table(sets, sizes, methods, laws):
    """Yield the lines of the table."""
    names = ("score", "density", "quantiles")
    heads = [f"{name}{kind}" for name in names for kind in (", pointwise", ", simultaneous", ", own mean")]
    yield "| weight decay | law | n | sets | " + " | ".join(heads) + " |"
    yield "|---|---|---|---|" + "---|" * len(heads)
    for method in methods:
        for name in laws:
            for n in sizes:
                rows = coverage((LAWS | LIMITED)[name], n, method, sets)
                cells = " | ".join(f"{share:.2f}" for row in rows for share in row)
                yield f"| {method} | {name} | {n} | {sets} | {cells} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--limits", action="store_true", help="laws with limits, and their table")
    parser.add_argument("--laws", nargs="+", help="by default all without limits, or all that have some")
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    arguments = parser.parse_args()
    lines = []
    laws = arguments.laws or list(LIMITED if arguments.limits else LAWS)
    for line in table(arguments.sets, arguments.sizes, arguments.methods, laws):
        print(line, flush=True)
        lines.append(line)
    if arguments.table:
        name = "coverage with limits" if arguments.limits else "coverage"
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        text = arguments.table.read_text(encoding="utf-8")
        before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        arguments.table.write_text(before + "\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
