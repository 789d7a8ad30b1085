"""Two workers against one, by threads and by processes: ratios of times in one run, beside the run's noise.

Each task is timed with one worker, then with two threads, then with two processes that are already up, in
turn, and that several times.  What is printed are medians of one worker's seconds, of the ratios to them
(above one: two workers are quicker), and the spread of one worker's own times, which is the noise that no
ratio is better than; last, the bytes that are sent with a task.  Set OMP_NUM_THREADS=1.
Run: python benchmarks/parallel.py [--repeats 5] [--only NAME]
"""

import argparse
import sys
import time
import warnings

import joblib
import numpy as np

import convexscore as cs
from convexscore._support import parallel

RNG = np.random.default_rng(0)
LINE = RNG.lognormal(size=20_000)
PLANE = cs.targets.ring(n_modes=3, radius=4.0, scale=0.5).sample(300, rng=0)
SPACE = RNG.standard_normal((60, 3))


def gaussian(y, sigma=0.0):
    return -y / (1 + sigma**2)


TASKS = {
    "choice of the weight decay, 300 x 2": lambda **work: cs.select_beta(PLANE, rng=0, skip=True, **work),
    "the same, noise integrated out, 500": lambda **work: cs.select_beta(
        cs.DenoisingScoreMatching.expected(LINE[:500], 0.3), rng=0, skip=True, **work
    ),
    "pool, 20,000": lambda **work: cs.PooledScore.fit(LINE, rng=0, **work),
    "pool, 300 x 2": lambda **work: cs.PooledScore.fit(PLANE, rng=0, **work),
    "noise levels, 200": lambda **work: cs.NoiseConditionalScore.fit(LINE[:200], **work),
    "boxes, 60 x 3": lambda **work: cs.solve(SPACE, 20.0, skip=True, max_boxes=40_000, **work),
    "Adam, 12 trials, 300 x 2": lambda **work: cs.train_adam(
        cs.ScoreMatching(PLANE), 5.0, n_trials=12, n_epochs=300, rng=0, keep_losses=False, **work
    ),
    "patterns, 150 x 4": lambda **work: cs.enumerate_patterns(RNG.standard_normal((150, 4)), **work),
    "chains, 100,000 x 100 steps": lambda **work: cs.samplers.langevin(
        gaussian, np.zeros(100_000), 0.1, 100, rng=0, **work
    ),
}


def seconds(call, backend, n_jobs):
    start = time.perf_counter()
    with warnings.catch_warnings(), joblib.parallel_config(backend, n_jobs=n_jobs):
        warnings.simplefilter("ignore")
        call(n_jobs=n_jobs)
    return time.perf_counter() - start


def shipped(call):
    """Return the bytes of the largest task that is sent to a process."""
    from joblib.externals.loky.backend.reduction import dumps

    sizes, original = [0], parallel.run_all

    def measured(function, items, n_jobs=None):
        for item in items:
            if len(sizes) < 20:
                sizes.append(len(dumps((function, item))))
            yield function(item)

    rooms = [module for module in sys.modules.values() if getattr(module, "run_all", None) is original]
    for room in rooms:
        room.run_all = measured
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(n_jobs=2)
    finally:
        for room in rooms:
            room.run_all = original
    return max(sizes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="tasks whose names hold this")
    options = parser.parse_args()
    repeats = options.repeats
    print(f"{'task':38} {'one, s':>7} {'threads':>8} {'processes':>9} {'noise':>7} {'sent':>9}")
    for name, call in TASKS.items():
        if options.only not in name:
            continue
        seconds(call, "loky", 2)
        times = np.array(
            [
                [seconds(call, "threading", 1), seconds(call, "threading", 2), seconds(call, "loky", 2)]
                for _ in range(repeats)
            ]
        )
        one = times[:, 0]
        threads, processes = np.median(one[:, None] / times[:, 1:], axis=0)
        noise = 100 * (one.max() - one.min()) / np.median(one)
        print(
            f"{name:38} {np.median(one):7.2f} {threads:8.2f} {processes:9.2f} {noise:5.0f} % "
            f"{shipped(call) / 1e3:6.0f} kB",
            flush=True,
        )


if __name__ == "__main__":
    main()
