"""Enumerating activation patterns: times against targets, against linear programs, and against sampling.

Times are medians of several runs in one process, beside them the spread of the runs as the machine's noise.
The tree search grows sign vectors row by row and asks a linear program for every child that its parent's
point does not serve; it is run once.  Random directions miss cells of small solid angle: which part of all
patterns they find is what enumeration adds.
Run: python benchmarks/arrangements.py [--large] [--repeats 5] [--draws 1000000]
"""

import argparse
import itertools
import time

import numpy as np
from scipy.optimize import linprog

import convexscore as cs


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def gaussian(n, d):
    return np.random.default_rng(0).standard_normal((n, d))


def cube(n):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


def grid(p):
    return np.array(list(itertools.product(range(p), repeat=2)), dtype=float)


def streamed(X):
    """Count the patterns of all blocks without keeping any."""
    return sum(len(block) for block in cs.iter_patterns(X))


def with_witnesses(X, bias=False):
    return len(cs.enumerate_patterns(X, bias).witnesses)


def tree_search(rows):
    """Return the number of cells of rows that are not zero, by linear programs."""
    grown = [((), np.zeros(rows.shape[1]))]
    for k in range(len(rows)):
        longer = []
        for signs, point in grown:
            for sign in (1.0, -1.0):
                child = (*signs, sign)
                found = point if sign * (rows[k] @ point) > 0.5 else inside(rows, child)
                if found is not None:
                    longer.append((child, found))
        grown = longer
    return len(grown)


def inside(rows, signs):
    """Return a vector with these signs over the first rows, or None."""
    faced = np.array(signs)[:, None] * rows[: len(signs)]
    program = linprog(np.zeros(rows.shape[1]), A_ub=-faced, b_ub=-np.ones(len(signs)), bounds=(None, None))
    return program.x if program.status == 0 else None


# Name, number of patterns, target in seconds where there is one, and what is timed.
CASES = [
    ("generic n=100 d=4", 323_600, 0.05, lambda: len(cs.enumerate_patterns(gaussian(100, 4)))),
    ("generic n=100 d=5, streamed", 7_852_352, 1.5, lambda: streamed(gaussian(100, 5))),
    ("threshold n=5", 94_572, 0.3, lambda: len(cs.enumerate_patterns(cube(5), bias=True))),
    ("threshold n=5, counted", 94_572, None, lambda: cs.count_patterns(cube(5), bias=True)),
    ("n=200 d=3 with witnesses", 39_802, 0.05, lambda: with_witnesses(gaussian(200, 3))),
    ("6 x 6 grid with witnesses", 838, 0.05, lambda: with_witnesses(grid(6), bias=True)),
]
LARGE = [("threshold n=6, counted", 15_028_134, None, lambda: cs.count_patterns(cube(6), bias=True))]


def time_cases(cases, repeats):
    print("case                          patterns  median [s]  target [s]  noise")
    for name, expected, target, function in cases:
        assert function() == expected, name
        times = [seconds(function) for _ in range(repeats)]
        noise = np.ptp(np.quantile(times, [0.1, 0.9])) / np.median(times)
        goal = "-" if target is None else f"{target:g}"
        print(f"{name:28s} {expected:9d} {np.median(times):11.4f} {goal:>11s} {noise:6.0%}")


def compare_with_programs(repeats):
    rows = np.column_stack([cube(4), np.ones(16)])
    ours = np.median([seconds(lambda: cs.enumerate_patterns(rows)) for _ in range(repeats)])
    start = time.perf_counter()
    assert tree_search(rows) == len(cs.enumerate_patterns(rows)) == 1882
    search = time.perf_counter() - start
    print(f"threshold n=4: enumeration {ours:.4f} s, linear programs {search:.2f} s, ", end="")
    print(f"ratio {search / ours:.0f} (target 1000)")


def compare_with_sampling(draws):
    for d in (4, 5):
        X = gaussian(50, d)
        start = time.perf_counter()
        found = cs.sample_patterns(X, draws, rng=1)
        sampling = time.perf_counter() - start
        listing = seconds(lambda X=X: cs.enumerate_patterns(X))
        print(f"n=50 d={d}: {draws} draws find {found.fraction:.1%} of {found.total} ", end="")
        print(f"in {sampling:.2f} s; enumeration finds all in {listing:.3f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--draws", type=int, default=1_000_000)
    parser.add_argument("--large", action="store_true", help="also count threshold functions of six inputs")
    options = parser.parse_args()
    time_cases(CASES, options.repeats)
    if options.large:
        time_cases(LARGE, 1)
    compare_with_programs(options.repeats)
    compare_with_sampling(options.draws)


if __name__ == "__main__":
    main()
