"""Training with a proof in two to six dimensions: values, proven gaps and CPU seconds.

Data are six Gaussian clusters on a sphere of radius 3, deviation 0.7; denoising has noise 0.5.  Weight decays
are 0.3 of the largest correlation of the network without neurons that a search finds.  `local` is the same
solver with one box only, so search alone, and its excess is that over the value here, as a share of it;
`adam` is the best of 20 runs of 100 neurons (4 learning rates, 5 starts each).  CPU seconds are those of one
process with one thread.
Run: OMP_NUM_THREADS=1 python benchmarks/certified_training.py [--quick] [--table docs/certified_training.md]
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

import convexscore as cs
from convexscore.baselines import train_adam

# Kind, features, points, bias, skip; whether it is compared with Adam.
ROWS = [
    ("dsm", 2, 300, True, False, True),
    ("dsm", 2, 10_000, True, False, False),
    ("sm", 2, 10_000, True, True, False),
    ("dsm", 3, 100, True, False, True),
    ("sm", 3, 100, True, False, True),
    ("sm", 3, 50, False, True, True),
    ("dsm", 3, 1000, True, False, False),
    ("sm", 3, 1000, True, False, False),
    ("dsm", 3, 5000, True, False, False),
    ("dsm", 3, 5000, False, False, False),
    ("dsm", 4, 100, True, False, True),
    ("dsm", 4, 200, True, False, False),
    ("sm", 4, 100, True, False, False),
    ("dsm", 5, 200, True, False, False),
    ("dsm", 6, 50, False, False, False),
]
QUICK = 4
SHARE = 0.3
HEAD = (
    "| objective | features | points | bias | skip | value | scope | value - lower bound, share "
    "| neurons | CPU s | local: excess | CPU s | Adam: excess | CPU s |"
)


def data(n, d, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((6, d))
    centres *= 3 / np.linalg.norm(centres, axis=1, keepdims=True)
    return centres[rng.integers(6, size=n)] + 0.7 * rng.standard_normal((n, d))


def timed(function):
    """Return a result and its CPU seconds."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        result = function()
    return result, time.process_time() - start


def row(kind, d, n, bias, skip, adam):
    X = data(n, d)
    objective = cs.ScoreMatching(X) if kind == "sm" else cs.DenoisingScoreMatching.from_clean(X, 0.5, rng=1)
    beta = SHARE * largest(objective, skip, bias)
    solution, seconds = timed(lambda: cs.solve(objective, beta, skip=skip, bias=bias))
    certificate, scale = solution.certificate, abs(solution.value)
    cells = [kind, d, n, "yes" if bias else "no", "yes" if skip else "no", f"{solution.value:.8g}"]
    gap = (solution.value - certificate.lower_bound) / scale
    cells += [certificate.scope, f"{gap:.1e}", solution.network.n_neurons, f"{seconds:.1f}"]
    if d > 2 and n <= 1000:
        local, spent = timed(lambda: cs.solve(objective, beta, skip=skip, bias=bias, max_boxes=1))
        cells += [f"{(local.value - solution.value) / scale:.1e}", f"{spent:.1f}"]
    else:
        cells += ["", ""]
    if adam:
        best, spent = timed(lambda: adams(objective, beta, skip, bias))
        cells += [f"{(best - solution.value) / scale:.1e}", f"{spent:.1f}"]
    else:
        cells += ["", ""]
    return cells


def largest(objective, skip, bias):
    """Return the largest correlation of the network without neurons that a search finds."""
    from convexscore.multivariate.pricing.ascent import AscentPricer
    from convexscore.multivariate.program import NeuronProgram

    program = NeuronProgram.from_objective(objective, "relu", skip, bias)
    pricer = AscentPricer(program, 100 if len(program.rows) < 5000 else 8, rng=0)
    return max(pricer.price(program.zero_residual, 0.0).largest for _ in range(3))


def adams(objective, beta, skip, bias):
    """Return the best of 20 runs of Adam."""
    runs = [
        train_adam(
            objective,
            beta,
            skip=skip,
            bias=bias,
            n_neurons=100,
            learning_rate=rate,
            n_epochs=1500,
            n_trials=5,
            schedule="cosine",
            keep_best=True,
            rng=0,
        ).best_loss
        for rate in (0.003, 0.01, 0.03, 0.1)
    ]
    return min(runs)


def draw(lines, path):
    """Draw gaps and excesses against CPU seconds; those within the solver's tolerance at its end."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    columns = {
        "certified: proven gap": (7, 9),
        "search alone: excess": (10, 11),
        "best of 20 Adam: excess": (12, 13),
    }
    for (label, (gap, seconds)), mark in zip(columns.items(), "osx", strict=True):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
        some = [(float(row[seconds]), max(float(row[gap]), 1e-12)) for row in rows if row[gap]]
        ax.plot(*zip(*some, strict=True), mark, color="k", fillstyle="none", linestyle="", label=label)
    ax.axhline(1e-6, color="k", linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="CPU seconds", ylabel="share of the value")
    ax.set_title("What is proven, and what search and Adam reach (dotted: the tolerance)")
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first few rows only")
    parser.add_argument("--table", type=Path, help="page whose table is replaced")
    parser.add_argument("--figure", type=Path, help="PNG file of gaps against CPU seconds")
    arguments = parser.parse_args()
    lines = [HEAD, "|" + "---|" * (HEAD.count("|") - 1)]
    print("\n".join(lines), flush=True)
    for cells in ROWS[:QUICK] if arguments.quick else ROWS:
        lines.append("| " + " | ".join(map(str, row(*cells))) + " |")
        print(lines[-1], flush=True)
    if arguments.figure:
        draw(lines, arguments.figure)
    if arguments.table:
        text = arguments.table.read_text(encoding="utf-8")
        before, _, rest = text.partition("<!-- table -->\n")
        after = rest.partition("<!-- end -->")[2]
        table = "\n".join(lines)
        arguments.table.write_text(f"{before}<!-- table -->\n{table}\n<!-- end -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
