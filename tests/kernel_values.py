"""Values and statuses of many problems as JSON lines: what must not depend on the BLAS kernel.

`python -m tests.kernel_values` prints them; `python -m tests.kernel_values --compare FILE FILE ...` compares
what several runs printed and fails where statuses differ, or values by more than the solver's tolerance.
"""

import argparse
import json
import sys
import warnings
from itertools import product
from pathlib import Path

import numpy as np

import convexscore as cs
from tests.multivariate.problems import POINTS, make_points, planar_objective
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective


def line(sizes=(30,)):
    """Yield the problems of one feature."""
    for data, (name, activation, skip), n in product(DATA, KINDS, sizes):
        objective = make_objective(name, *make_data(data, n=n))
        for share in (0.1, 0.6):
            beta = make_beta(objective, activation, skip, share)
            yield f"line {data} {name} {activation} {skip} {share}", objective, beta, activation, skip, {}


def plane(kinds=POINTS, seeds=range(3)):
    """Yield problems in the plane, gated ones among them."""
    for kind, (name, activation, skip), bias, seed in product(kinds, KINDS, (False, True), seeds):
        objective = planar_objective(name, make_points(kind, 7, seed), seed)
        beta = 7.0 if name == "sm" else 1.0
        key = f"plane {kind} {name} {activation} {skip} {bias} {seed}"
        yield key, objective, beta, activation, skip, {"bias": bias}
        if seed == 0:
            yield f"gated {key}", objective, beta, activation, skip, {"bias": bias, "gated": True}


def space(seeds=range(2)):
    """Yield problems in three dimensions."""
    for (name, activation, skip), seed in product(KINDS, seeds):
        X = np.random.default_rng(seed).standard_normal((12, 3))
        objective = planar_objective(name, X, seed)
        beta = 12.0 if name == "sm" else 1.0
        yield f"space {name} {activation} {skip} {seed}", objective, beta, activation, skip, {}


def outcome(objective, beta, activation, skip, options):
    """Return status, value and the scale of values, or the kind of error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        try:
            solution = cs.solve(objective, beta, activation, skip, **options)
        except (cs.UnboundedError, cs.SolverError) as error:
            return [type(error).__name__, 0.0, 1.0]
    return [solution.status, solution.value, solution.certificate.value_scale]


def differences(runs, tol=1e-6):
    """Return what differs between runs: the problem and its outcomes."""
    first, *others = runs
    found = []
    for key, (status, value, scale) in first.items():
        for other in others:
            other_status, other_value, _ = other[key]
            if status != other_status or abs(value - other_value) > tol * scale:
                found.append((key, [run[key] for run in runs]))
                break
    return found


def main():
    """Print outcomes, or compare files of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.compare is None:
        problems = [*line(), *plane(), *space()]
        outcomes = {key: outcome(*problem) for key, *problem in problems}
        print(json.dumps(outcomes))
        return 0
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in arguments.compare]
    found = differences(runs)
    for key, outcomes in found:
        print(key, *outcomes, sep="\n    ")
    print(f"{len(runs[0])} problems in {len(runs)} runs, {len(found)} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
