"""Compare a commit's speed with its parent's: ratios of times, in one run, against the machine's own noise.

    python benchmarks/guard.py                           the checkout's commit against its parent
    python benchmarks/guard.py --base main --rounds 9    against another commit, more often

Both commits are checked out beside each other, and the base a second time, which shows what the machine makes
of equal code.  Every task runs in a process of its own, imports left out, for half a second, of which the
shortest time counts; rounds go through the copies in turn.  A task is slower if the ratio of the medians is
above the limit times what the two copies of the base differ by.  The exit code is then 1.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each task sets up what is not timed, and then times one expression; seconds each at most.
TASKS = {
    "solve, 10^5 points": ("X = G.standard_normal(100_000)", "cs.solve(X, 300.0, skip=True)"),
    "solve, denoising": (
        "O = cs.DenoisingScoreMatching.from_clean(G.standard_normal(20_000), 0.3, rng=0)",
        "cs.solve(O, 50.0, activation='abs')",
    ),
    "path": ("X = G.standard_normal(400)", "cs.regularization_path(X, skip=True, beta_min=4.0)"),
    "automatic weight decay": ("X = G.standard_normal(300)", "cs.solve(X, 'auto', skip=True)"),
    "expected denoising": (
        "O = cs.DenoisingScoreMatching.expected(G.standard_normal(200), 0.3)",
        "cs.solve(O, 3.0, skip=True)",
    ),
    "plane": ("X = G.standard_normal((150, 2))", "cs.solve(X, 20.0, skip=True)"),
    "conservative": ("X = G.standard_normal((150, 2))", "cs.solve(X, 20.0, skip=True, conservative=True)"),
    "three features": ("X = G.standard_normal((40, 3))", "cs.solve(X, 20.0, skip=True, max_boxes=500)"),
    "patterns": ("X = G.standard_normal((40, 3))", "cs.enumerate_patterns(X, bias=True)"),
    "pool": ("X = G.standard_normal(100)", "cs.PooledScore.fit(X, rng=0)"),
    "Langevin": (
        "S = cs.solve(G.standard_normal(200), 20.0, skip=True).network",
        "cs.samplers.langevin(S, np.zeros(2000), step_size=0.01, n_steps=300, rng=0)",
    ),
}
SCRIPT = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import convexscore as cs
G = np.random.default_rng(0)
{setup}
taken = []
while sum(taken) < 0.5 and len(taken) < 50:
    start = time.process_time()
    {timed}
    taken.append(time.process_time() - start)
print(json.dumps(min(taken)))
"""


def main():
    """Compare, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", default="HEAD^", help="commit to compare with, default: the parent")
    parser.add_argument("--head", default="HEAD", help="commit to judge, default: the checkout's")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each task and copy")
    parser.add_argument("--limit", type=float, default=1.25, help="ratio above which a task is slower")
    parser.add_argument("--only", metavar="NAME", help="tasks whose names contain this")
    options = parser.parse_args()
    tasks = {name: task for name, task in TASKS.items() if (options.only or "") in name}
    with tempfile.TemporaryDirectory() as folder:
        copies = checked_out(Path(folder), head=options.head, base=options.base)
        slower = []
        print(f"{'task':24} {'base':>8} {'ratio':>6} {'noise':>6}   CPU seconds; medians of {options.rounds}")
        for name, task in tasks.items():
            times = measured(copies, task, options.rounds)
            known = judged(times, options.limit)
            figures = f"{known['base']:8.3f} {known['ratio']:6.2f} {known['noise']:6.2f}"
            print(f"{name:24} {figures}   {known['word']}")
            slower += [name] if known["word"] == "SLOWER" else []
    if slower:
        print(f"slower than {options.base} by more than {options.limit}: {', '.join(slower)}")
    return 1 if slower else 0


def checked_out(folder, **commits):
    """Return copies of the package at commits, with the base's twice."""
    copies = {}
    for name, commit in {**commits, "again": commits["base"]}.items():
        archive = subprocess.run(
            ["git", "archive", commit, "convexscore"], cwd=ROOT, check=True, capture_output=True
        )
        (folder / name).mkdir()
        subprocess.run(["tar", "-x"], cwd=folder / name, input=archive.stdout, check=True)
        copies[name] = folder / name
    return copies


def measured(copies, task, rounds):
    """Return each copy's CPU seconds in each round; NaN where a copy cannot do the task."""
    setup, timed = task
    script = SCRIPT.format(setup=setup, timed=timed)
    times = {name: [] for name in copies}
    for _ in range(rounds):
        for name, place in copies.items():
            # The package beside the script is imported, not an installed one.
            done = subprocess.run(
                [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(place)!r})\n{script}"],
                capture_output=True,
                text=True,
                check=False,
            )
            times[name].append(json.loads(done.stdout) if done.returncode == 0 else float("nan"))
    return times


def judged(times, limit):
    """Return the base's median, the ratio of the head's to it, the noise, and a word."""
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = middle["head"] / middle["base"]
    noise = max(middle["again"] / middle["base"], middle["base"] / middle["again"])
    if ratio != ratio:
        # A task that only one of them knows is not compared, one that the new one fails is no longer done.
        word = "FAILS" if middle["base"] == middle["base"] else "new"
    else:
        word = "SLOWER" if ratio > limit * noise else "faster" if ratio * noise < 1 / limit else ""
    return {"base": middle["base"], "ratio": ratio, "noise": noise, "word": word}


if __name__ == "__main__":
    sys.exit(main())
