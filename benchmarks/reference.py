"""Against CVXPY: the literal program at n = 2000, and many kinks at n = 5000 against the best conic form.

The literal program (`univariate/statement.py`, ReLU with skip, beta = sqrt(n) / 2) is dense: n x 2n for
denoising, n x 4n for score matching, which gets half as many points.  It runs for minutes, once.  For many
kinks (beta just above its lower bound) the dense program is out of reach, so the rival is the same problem
as sparse trend filtering, the best conic form we know of, which CVXPY compiles and Clarabel solves in its
own time; the latter alone is given too.  Differences are (their value - our value) / |our value|: positive
means that ours is lower, hence better.
Run: python benchmarks/reference.py [--dense 2000] [--many 5000]
"""

import argparse
import time
import warnings

import cvxpy as cp
import numpy as np

import convexscore as cs
from convexscore.univariate.statement import state_univariate


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def repeated(function, repeats):
    """Return the median time, the middle 80 per cent's spread relative to it, and the last result."""
    times, result = zip(*(seconds(function) for _ in range(repeats)), strict=True)
    return np.median(times), np.ptp(np.quantile(times, [0.1, 0.9])) / np.median(times), result[-1]


def trend_filtering(x, beta):
    """State score matching with ReLU and skip on distinct sorted points in function space, sparse."""
    s, slope, jump = cp.Variable(x.size), cp.Variable(x.size - 1), cp.Variable(x.size - 2)
    mean_slopes = slope[0] + slope[-1] + cp.sum(slope[1:] + slope[:-1]) / 2
    loss = mean_slopes + 0.5 * cp.sum_squares(s) + (beta - 0.5) * cp.norm1(jump)
    gaps = np.diff(x)
    constraints = [cp.multiply(gaps, slope) == cp.diff(s), jump == cp.diff(slope)]
    return cp.Problem(cp.Minimize(loss), constraints)


def dense(n, repeats):
    x = np.random.default_rng(0).standard_normal(n) + 4 * (np.arange(n) % 2)
    denoising = cs.DenoisingScoreMatching.from_clean(x, 0.3, rng=1)
    for objective in (cs.ScoreMatching(x[: n // 2]), denoising):
        beta = 0.5 * np.sqrt(len(objective.X))
        fit, noise, ours = repeated(lambda o=objective, b=beta: cs.solve(o, b, skip=True), repeats)
        slow, theirs = seconds(
            lambda o=objective, b=beta: state_univariate(o, b, "relu", True).problem.solve(solver="CLARABEL")
        )
        difference = (theirs - ours.value) / abs(ours.value)
        size = len(objective.X)
        print(
            f"n = {size} {objective.name:4s} CVXPY {slow:7.1f} s   ours {fit:.4f} s (noise {noise:.0%})   "
            f"ratio {slow / fit:8.0f}   difference {difference:+.1e}   {ours.status}",
            flush=True,
        )


def many_kinks(n, repeats):
    # At least 1e-5 apart: gaps of 1e-9 between plain random points make slopes that no double holds.
    x = np.sort(np.random.default_rng(0).standard_normal(n)) + 1e-5 * np.arange(n)
    objective = cs.ScoreMatching(x)
    for beta in (1.05, 1.2, 2.0, 5.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit, noise, ours = repeated(lambda b=beta: cs.solve(objective, b, skip=True), repeats)
            problem = trend_filtering(x, beta)
            slow, theirs = seconds(lambda p=problem: p.solve(solver="CLARABEL", max_iter=500))
        own = problem.solver_stats.solve_time
        difference = (theirs - ours.value) / abs(ours.value)
        kinks = ours.network.kinks.size
        print(
            f"n = {n} beta = {beta:<4g} {kinks:5d} kinks   conic {slow:.3f} s (solver {own:.3f} s)   ours "
            f"{fit:.4f} s (noise {noise:.0%})   ratio {slow / fit:5.1f} ({own / fit:.1f})   difference "
            f"{difference:+.1e}   {ours.status}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dense", type=int, default=2000)
    parser.add_argument("--many", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    many_kinks(options.many, options.repeats)
    if options.dense:
        dense(options.dense, options.repeats)


if __name__ == "__main__":
    main()
