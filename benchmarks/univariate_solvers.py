"""Solvers of the univariate programs, as ratios in one run.

Every solver gets the same problem and is asked for a relative accuracy of 1e-8; times are medians of
several runs, and the spread of the fastest solver's own runs is printed as the machine's noise.
Run: python benchmarks/univariate_solvers.py [--sizes 50 100 200]
"""

import argparse
import time

import numpy as np

import convexscore as cs

SOLVERS = ("active_set", "clarabel", "osqp", "cvxpy")


def measure(objective, beta, solver, repeats):
    """Return the run times and the last solution, None where the solver gives up."""
    times, solution = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        try:
            solution = cs.solve(objective, beta, "relu", True, solver=solver)
        except cs.SolverError as error:
            print(f"  {solver}: {error}")
            return np.array([np.nan]), None
        times.append(time.perf_counter() - start)
    return np.array(times), solution


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    # The first use of a solver imports it.
    for solver in SOLVERS:
        cs.solve(cs.ScoreMatching([0.0, 1.0, 1.0, 3.0]), 2.1, solver=solver)
    print("n      objective  solver      seconds   ratio to active_set   error of its own value   kinks")
    for n in options.sizes:
        x = np.random.default_rng(0).standard_normal(n) + 4 * (np.arange(n) % 2)
        for objective in (cs.ScoreMatching(x), cs.DenoisingScoreMatching.from_clean(x, 0.3, rng=1)):
            beta = 0.5 * np.sqrt(n)
            fastest, exact = measure(objective, beta, "active_set", 4 * options.repeats)
            for solver in SOLVERS:
                times, solution = measure(objective, beta, solver, options.repeats)
                if solution is None or exact is None:
                    continue
                own = solution.stats.solver_value
                error = abs((exact.value if own is None else own) - exact.value) / abs(exact.value)
                print(
                    f"{n:<6d} {objective.name:<10s} {solver:<11s} {np.median(times):8.5f}   "
                    f"{np.median(times) / np.median(fastest):12.1f}          {error:12.1e}      "
                    f"{solution.network.kinks.size:8d}"
                )
            spread = np.ptp(np.quantile(fastest, [0.1, 0.9])) / np.median(fastest)
            print(f"       noise: the middle 80% of active_set runs spread over {spread:.0%} of their median")


if __name__ == "__main__":
    main()
