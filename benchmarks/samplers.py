"""Langevin chains of a trained network on the line, as a multiple of drawing their noise, in one run.

Each repetition draws the normal numbers of all steps alone, then runs the chains: times are paired, so that a
busy machine slows both.  Printed is the median of the ratios and the middle 80% of them.
Run: python benchmarks/samplers.py [--chains 100000] [--steps 500] [--repeats 5]
"""

import argparse
import time

import numpy as np

import convexscore as cs


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--chains", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    eruptions = cs.datasets.load_old_faithful()["eruptions"]
    networks = {beta: cs.solve(cs.ScoreMatching(eruptions), beta, skip=True).network for beta in (60.0, 5.0)}
    rng = np.random.default_rng(0)
    noise, start = np.empty(options.chains), rng.choice(eruptions, options.chains)

    def normals():
        for _ in range(options.steps):
            rng.standard_normal(out=noise)

    def chains(score, **keywords):
        return lambda: cs.samplers.langevin(score, start, 0.01, options.steps, rng=0, **keywords)

    runs = {f"network, {net.kinks.size} kinks": chains(net) for net in networks.values()}
    network = networks[60.0]
    runs["the same, a plain callable"] = chains(lambda x: network(x))
    runs["float32"] = chains(network, dtype=np.float32)
    runs["n_jobs=1"] = chains(network, n_jobs=1)
    runs["n_jobs=2"] = chains(network, n_jobs=2)
    ratios = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, run in runs.items():
            alone = seconds(normals)
            ratios[name].append(seconds(run) / alone)
    print(f"{options.chains} chains, {options.steps} steps: time over that of the normal numbers alone")
    for name, values in ratios.items():
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
        print(f"  {name:<28s} {middle:5.2f}   ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
