"""What a score of data with a limit loses against maximum likelihood: Gaussians truncated to the half-line.

With a large weight decay score matching on ``(0, inf)`` fits a line ``a + b x``, the score of a Gaussian of
deviation one and mean ``m`` truncated there: ``a = m``, ``b = -1``.  With ``f = (1, x)`` and the weight ``h``
it solves ``sum h f f' (a, b) + h f' + h' f = 0``, so that ``sqrt(n)`` times its error has the covariance
``G^-1 V G^-1`` with ``G = E[h f f^T]`` and ``V`` that of these terms; that of maximum likelihood is the
inverse of the covariance of ``(x, x^2 / 2)``.  Both are integrals, by quadrature.

Shares are variances of maximum likelihood divided by those of score matching; for the density it is the mean
Kullback-Leibler divergence of the fit, ``trace(covariance x information) / (2 n)``, that is compared.  The
bends of ``h`` are given in deviations.

Run: python benchmarks/truncated.py [--table docs/supports.md]
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import stats

MEANS = (-1.0, 0.0, 1.0, 2.0)
HEIGHTS = (0.25, 0.5, 1.0, 2.0, np.inf)


def law(mean):
    """Return the Gaussian of this mean truncated to the half-line."""
    return stats.truncnorm(-mean, np.inf, loc=mean)


def quadrature(mean, height):
    """Return points, and weights of their probabilities, exact to rounding on both sides of the bend."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    ends = np.unique(np.clip([0.0, height, max(mean, 0.0) + 12.0], 0.0, max(mean, 0.0) + 12.0))
    x = np.concatenate([a + (b - a) * (nodes + 1) / 2 for a, b in pairwise(ends)])
    share = np.concatenate([(b - a) / 2 * weights for a, b in pairwise(ends)])
    return x, share * law(mean).pdf(x)


def score_matching_covariance(mean, height):
    """Return the covariance of ``sqrt(n)`` times the error of intercept and slope."""
    x, probability = quadrature(mean, height)
    h, derivative = np.minimum(x, height), (x < height).astype(float)
    f = np.stack([np.ones_like(x), x])
    terms = h * f * (mean - x) + derivative * f + np.stack([np.zeros_like(x), h])
    bend = np.linalg.inv((probability * h * f) @ f.T)
    return bend @ ((probability * terms) @ terms.T) @ bend


def information(mean):
    """Return the Fisher information of intercept and slope."""
    x, probability = quadrature(mean, np.inf)
    statistics = np.stack([x, x**2 / 2])
    centred = statistics - (statistics @ probability)[:, None]
    return (probability * centred) @ centred.T


def shares(mean, height):
    """Return the efficiency of intercept, slope and density."""
    ours, fisher = score_matching_covariance(mean, height), information(mean)
    best = np.linalg.inv(fisher)
    return best[0, 0] / ours[0, 0], best[1, 1] / ours[1, 1], 2 / np.trace(ours @ fisher)


def default_height(mean):
    """Return the median, at which weights bend by default."""
    return float(law(mean).median())


def table():
    """Yield the lines of the table."""
    heads = [*(f"{height:g}" for height in HEIGHTS), "median"]
    yield "| mean | of | " + " | ".join(heads) + " |"
    yield "|---|---|" + "---|" * len(heads)
    for mean in MEANS:
        columns = np.array([shares(mean, height) for height in (*HEIGHTS, default_height(mean))])
        for name, row in zip(("intercept", "slope", "density"), columns.T, strict=True):
            yield f"| {mean:g} | {name} | " + " | ".join(f"{share:.2f}" for share in row) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    arguments = parser.parse_args()
    lines = list(table())
    print("\n".join(lines))
    if arguments.table:
        begin, end = "<!-- efficiency -->\n", "<!-- end of efficiency -->"
        text = arguments.table.read_text(encoding="utf-8")
        before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        arguments.table.write_text(before + "\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
