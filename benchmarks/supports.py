"""Held-out likelihood on columns with limits: certified scores on the support against kernel estimates.

Each cell is the mean log-likelihood of a held-out sample, in nats, less that of the kernel estimate with
reflection, averaged over random splits into 70 % to fit and 30 % to judge.

*score*: ``solve(ScoreMatching(x, support=...), "auto", skip=True)``; *pool*: ``PooledScore.fit(x,
support=...)``; *straight*: the best line on the support alone; *log, logit*: a Gaussian kernel estimate of
log x, or of the logit between two limits, and back; *whole line*: the score without a support, whose density
has mass outside (*outside*: its share).  The bandwidths of both kernel estimates are those of the largest
leave-one-out likelihood among 30.  Samples on a limit are left out.
Run: python benchmarks/supports.py [--splits 5] [--samples 300] [--table docs/supports.md]
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

import convexscore as cs

BANDWIDTHS = np.geomspace(0.02, 1.5, 30)


def columns(n):
    """Return data and support by name: five real columns, five laws."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

    cancer, wine = load_breast_cancer(as_frame=True).frame, load_wine(as_frame=True).frame
    rng = np.random.default_rng(0)
    half_line, unit = (0.0, None), (0.0, 1.0)
    return {
        "cancer: area error": (cancer["area error"], half_line),
        "cancer: mean concavity": (cancer["mean concavity"], half_line),
        "wine: malic acid": (wine["malic_acid"], half_line),
        "wine: flavanoids": (wine["flavanoids"], half_line),
        "diabetes: progression": (load_diabetes().target, half_line),
        "exponential": (rng.exponential(size=n), half_line),
        "half-normal": (np.abs(rng.standard_normal(n)), half_line),
        "gamma(2)": (rng.gamma(2.0, size=n), half_line),
        "beta(2, 3)": (rng.beta(2, 3, size=n), unit),
        "uniform": (rng.random(n), unit),
    }


def gaussian(u, h):
    return -0.5 * (u / h) ** 2 - np.log(h) - 0.5 * np.log(2 * np.pi)


def kernel_estimate(x, images):
    """Return the log-density of a kernel estimate, its bandwidth chosen; `images` are mirrored points."""
    unit = np.std(x)

    def heights(points, h):
        return logsumexp([gaussian(points[:, None] - image, h) for image in images(x)], axis=0)

    def left_out(h):
        # A point's own mirrors are left out with it.
        rows = heights(x, h)
        np.fill_diagonal(rows, -np.inf)
        return float(np.sum(logsumexp(rows, axis=1)))

    h = unit * max(BANDWIDTHS, key=lambda share: left_out(unit * share))
    return lambda points: logsumexp(heights(points, h), axis=1) - np.log(x.size)


def reflected(x, support):
    low, high = support

    def images(points):
        mirrored = [points]
        if low is not None:
            mirrored.append(2 * low - points)
        if high is not None:
            mirrored.append(2 * high - points)
        return mirrored

    return kernel_estimate(x, images)


def transformed(x, support):
    low, high = support

    def forth(points):
        return np.log(points - low) - (0.0 if high is None else np.log(high - points))

    def log_slope(points):
        rise = -np.log(points - low)
        return rise if high is None else rise + np.log(high - low) - np.log(high - points)

    estimate = kernel_estimate(forth(x), lambda points: [points])
    return lambda points: estimate(forth(points)) + log_slope(points)


def fitted(x, support):
    return cs.solve(cs.ScoreMatching(x, support=support), "auto", skip=True)


def straight(x, support):
    objective = cs.ScoreMatching(x, support=support)
    line = cs.solve(
        objective, 1.01 * cs.beta_bounds(objective, skip=True).linear, skip=True, tails="integrable"
    )
    return line.density()


def likelihoods(x, support, rng):
    """Return mean held-out log-likelihoods of all methods, and the mass outside of the score on the line."""
    order = rng.permutation(x.size)
    training, rest = x[order[: 7 * x.size // 10]], x[order[7 * x.size // 10 :]]
    score, line = fitted(training, support), cs.solve(training, "auto", skip=True).density()
    low, high = (end if end is not None else np.inf for end in support)
    inside = line.cdf(high) - line.cdf(low)
    logs = {
        "reflection": reflected(training, support)(rest),
        "score": score.density().logpdf(rest),
        "pool": cs.PooledScore.fit(training, rng=0, support=support).logpdf(rest),
        "straight": straight(training, support).logpdf(rest),
        "log, logit": transformed(training, support)(rest),
        "whole line": line.logpdf(rest),
    }
    return {name: float(np.mean(values)) for name, values in logs.items()}, 1 - float(inside)


def table(samples, splits):
    names = ("score", "pool", "straight", "log, logit", "whole line")
    yield "| column | n | reflection | " + " | ".join(names) + " | outside |"
    yield "|---|---|---|" + "---|" * (len(names) + 1)
    gains = []
    for number, (name, (values, support)) in enumerate(columns(samples).items()):
        x = np.asarray(values, float)
        x = x[(x > support[0]) & (x < (np.inf if support[1] is None else support[1]))]
        rng = np.random.default_rng(number)
        runs = [likelihoods(x, support, rng) for _ in range(splits)]
        mean = {kind: np.mean([run[kind] for run, _ in runs]) for kind in runs[0][0]}
        gains.append([mean[kind] - mean["reflection"] for kind in names])
        cells = " | ".join(f"{gain:+.3f}" for gain in gains[-1])
        outside = 100 * np.mean([share for _, share in runs])
        yield f"| {name} | {x.size} | {mean['reflection']:.3f} | {cells} | {outside:.0f} % |"
    middle = " | ".join(f"{gain:+.3f}" for gain in np.median(gains, axis=0))
    yield f"| *median* | | | {middle} | |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    lines = []
    for line in table(options.samples, options.splits):
        print(line, flush=True)
        lines.append(line)
    if options.table:
        begin, end = "<!-- supports -->\n", "<!-- end of supports -->"
        text = options.table.read_text(encoding="utf-8")
        before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        options.table.write_text(before + "\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
