"""Solving against sorting: what a certified optimum costs in units of sorting the same numbers once.

Both are measured in turn in one run, on the same shuffled array, in processor time of one thread (set
OMP_NUM_THREADS=1); times are the least of all repeats, and the spread of the sorting times is printed as the
machine's noise.  Making the objective is part of solving.  beta = 2 sqrt(n).
Run: python benchmarks/sorting.py [--sizes 100000 1000000]
"""

import argparse
import time
from dataclasses import replace

import numpy as np

import convexscore as cs


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    print("n         objective skip   sort [s]  solve [s]  ratio  violation/beta  neurons  noise of sorting")
    for n in options.sizes:
        x = np.random.default_rng(0).standard_normal(n)
        for objective in (cs.ScoreMatching(x), cs.DenoisingScoreMatching.from_clean(x, 0.3, rng=1)):
            beta, values = 2 * np.sqrt(n), objective.X[:, 0].copy()
            for skip in (False, True):
                sort, fit = [], []
                for _ in range(options.repeats):
                    sort.append(seconds(lambda values=values: np.sort(values)))
                    fit.append(seconds(lambda o=objective, b=beta, s=skip: cs.solve(replace(o), b, skip=s)))
                solution = cs.solve(objective, beta, skip=skip)
                spread = np.ptp(np.quantile(sort, [0.1, 0.9])) / np.median(sort)
                violation = solution.certificate.max_violation / beta
                print(
                    f"{n:<9d} {objective.name:<9s} {skip!s:5s} {min(sort):9.4f} "
                    f"{min(fit):10.4f} {min(fit) / min(sort):6.1f} {violation:14.1e} "
                    f"{solution.network.n_neurons:8d} {spread:10.0%}"
                )


if __name__ == "__main__":
    main()
