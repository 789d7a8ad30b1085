"""Choosing a weight decay, and pooling, against single solves: in processor time of one thread, in one run.

`select_beta` by its default method is divided by one `solve` at the weight decay that it chooses, with its
certificate, on a mixture, where folds are fitted, and on a Gaussian, where the test of straightness ends the
search.  A pooled fit is given in seconds, and in solves of score matching on the same data.  Times are the
least of all repeats; set OMP_NUM_THREADS=1.
Run: python benchmarks/choosing.py [--sizes 200 1000 10000 100000] [--pooled 500 100000] [--repeats 5]
"""

import argparse
import time
import warnings

import numpy as np

import convexscore as cs


def least_seconds(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def samples(n):
    """Return samples of a mixture of two Gaussians, and of one."""
    rng = np.random.default_rng(0)
    first = rng.random(n) < 0.4
    mixture = np.where(first, 0.5 * rng.standard_normal(n) - 2, rng.standard_normal(n) + 1)
    return {"mixture": mixture, "Gaussian": np.random.default_rng(0).standard_normal(n)}


def choices(sizes, objectives, repeats):
    print("n         data      objective network    choose [s]  solve [s]  ratio  beta")
    for n in sizes:
        for name, x in samples(n).items():
            for kind in objectives:
                objective = (
                    cs.ScoreMatching(x)
                    if kind == "sm"
                    else cs.DenoisingScoreMatching.from_clean(x, 0.3, rng=1)
                )
                for activation in ("relu", "abs"):
                    for skip in (True, False):
                        network = {"activation": activation, "skip": skip}
                        beta = cs.select_beta(objective, rng=0, **network)
                        choose = least_seconds(
                            lambda o=objective, k=network: cs.select_beta(o, rng=0, **k), repeats
                        )
                        solve = least_seconds(
                            lambda o=objective, b=beta, k=network: cs.solve(o, b, **k), 3 * repeats
                        )
                        label = f"{activation}{' skip' if skip else ''}"
                        print(
                            f"{n:<9d} {name:<9s} {kind:<9s} {label:<9s} {choose:12.4f} {solve:10.5f} "
                            f"{choose / solve:6.1f}  {beta:.8g}",
                            flush=True,
                        )


def pools(sizes, repeats):
    print("\nn         data      pooled fit [s]  solve [s]  ratio  members")
    for n in sizes:
        for name, x in samples(n).items():
            pooled = cs.PooledScore.fit(x, rng=0)
            fit = least_seconds(lambda x=x: cs.PooledScore.fit(x, rng=0), repeats)
            beta = 0.6 * np.sqrt(n)
            solve = least_seconds(lambda x=x, b=beta: cs.solve(x, b, skip=True), 3 * repeats)
            print(
                f"{n:<9d} {name:<9s} {fit:14.3f} {solve:10.5f} {fit / solve:6.1f}  {len(pooled.members)}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 1000, 10_000, 100_000])
    parser.add_argument("--objectives", choices=("sm", "dsm"), nargs="+", default=["sm"])
    parser.add_argument("--pooled", type=int, nargs="*", default=[500, 100_000])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    choices(options.sizes, options.objectives, options.repeats)
    pools(options.pooled, options.repeats)


if __name__ == "__main__":
    main()
