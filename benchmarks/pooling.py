"""How good pooled scores are: divergences on known laws, held-out likelihoods of real columns.

On laws: Fisher divergence ``E_p (s - s*)^2``, Kullback-Leibler divergence and Wasserstein distance (in
standard deviations of the law) on 20000 fresh points, medians over seeds; ratios are to the best of the other
methods, geometric means over laws and sizes with standard errors over these.  On columns: log-likelihood a
point of a quarter held out, mean over partitions.  Results are kept in a JSON file; what is there is not run
again: it can be done in parts.
Run: python benchmarks/pooling.py --results FILE [--laws normal claw | design | held-out | all] [--seeds 5]
     [--sizes 100 500 2000] [--columns few | all | none] [--partitions 4] [--rivals pooled "kde cv"] [--table]
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from pooling_laws import DESIGN, FEW_COLUMNS, LAWS, columns
from pooling_rivals import OTHERS, RIVALS
from scipy import stats

SHOWN_PER_CELL = ("gaussian", "kde cv", "mixture bic", "convex auto", "pooled")


def law_cell(name, n, seed, rival):
    """Return the measures of one method on one sample of a law."""
    law = LAWS[name]
    fresh = law.sample(20_000, np.random.default_rng(10**6))
    x = law.sample(n, np.random.default_rng(seed + 100))
    start = time.process_time()
    estimate = RIVALS[rival](x, np.random.default_rng(seed))
    found = {"seconds": time.process_time() - start}
    found["fisher"] = float(np.mean((estimate.score(fresh) - law.score(fresh)) ** 2))
    if estimate.logpdf is not None:
        found["kl"] = float(np.mean(law.logpdf(fresh) - estimate.logpdf(fresh)))
        samples = estimate.sample(20_000, np.random.default_rng(seed))
        found["wasserstein"] = float(stats.wasserstein_distance(samples, fresh) / fresh.std())
    return found


def column_cell(name, partition, rival):
    """Return the log-likelihood a point that a method gives to a quarter of a column."""
    x = columns()[name]
    held_out = np.random.default_rng(partition).permutation(x.size) < x.size // 4
    start = time.process_time()
    try:
        estimate = RIVALS[rival](x[~held_out], np.random.default_rng(partition))
    except (ValueError, RuntimeError, ZeroDivisionError) as error:
        return {"failed": str(error)}
    found = {"seconds": time.process_time() - start}
    if estimate.logpdf is not None:
        found["likelihood"] = float(np.mean(estimate.logpdf(x[held_out])))
    return found


def run(jobs, path):
    """Run the jobs that the file does not have, and write it after each."""
    done = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for number, (function, arguments) in enumerate(jobs):
        key = json.dumps([function.__name__, *arguments])
        if key not in done:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                done[key] = function(*arguments)
            path.write_text(json.dumps(done, indent=0), encoding="utf-8")
            print(f"{number + 1}/{len(jobs)}", *arguments, done[key], flush=True)
    return done


def cells(done, kind, measure, missing):
    """Return {(law or column, size): {rival: median or mean over seeds or partitions}}."""
    values = {}
    for key, found in done.items():
        name, *arguments = json.loads(key)
        if name != kind:
            continue
        *place, _, rival = arguments
        values.setdefault(tuple(place), {}).setdefault(rival, []).append(found.get(measure, missing))
    summary = np.median if kind == "law_cell" else np.mean
    return {
        place: {rival: float(summary(many)) for rival, many in by.items()} for place, by in values.items()
    }


def with_error(logs):
    """Return a geometric mean and its standard error over cells, as text."""
    if not logs:
        return ""
    mean = np.exp(np.mean(logs))
    if len(logs) == 1:
        return f"{mean:.2f}"
    return f"{mean:.2f} ± {mean * np.std(logs, ddof=1) / np.sqrt(len(logs)):.2f}"


def law_tables(done):
    """Return the lines of the tables of laws."""
    fisher = cells(done, "law_cell", "fisher", np.inf)
    kl = cells(done, "law_cell", "kl", np.inf)
    far = cells(done, "law_cell", "wasserstein", np.inf)
    sizes = sorted({n for _, n in fisher})
    kinds = {"design": lambda name: name in DESIGN, "held out": lambda name: name not in DESIGN}
    rivals = [rival for rival in RIVALS if any(rival in by for by in fisher.values())]
    heads = [f"{kind}, n={n}" for kind in kinds for n in sizes] + [*kinds]
    lines = [
        "Fisher divergence over the best of the others, geometric mean:",
        "",
        "| method | "
        + " | ".join(heads)
        + " | over mixture, held out | KL, held out | W, held out | no density |",
        "|---|" + "---|" * (len(heads) + 4),
    ]

    def ratio(rival, chosen, base):
        logs = [np.log(by[rival] / base(by)) for by in chosen if rival in by and np.isfinite(base(by))]
        return with_error(logs)

    def best(by):
        return min((by[rival] for rival in OTHERS if rival in by), default=np.inf)

    for rival in rivals:
        row = []
        for belongs in kinds.values():
            row += [
                ratio(rival, [by for (name, m), by in fisher.items() if belongs(name) and m == n], best)
                for n in sizes
            ]
        row += [
            ratio(rival, [by for (name, _), by in fisher.items() if belongs(name)], best)
            for belongs in kinds.values()
        ]
        held_out = [place for place in fisher if kinds["held out"](place[0]) and rival in fisher[place]]
        mixture = [fisher[place] for place in held_out]
        row.append(ratio(rival, mixture, lambda by: by.get("mixture bic", np.inf)))
        for table, digits in ((kl, 4), (far, 3)):
            finite = [table[place][rival] for place in held_out if np.isfinite(table[place][rival])]
            row.append(f"{np.mean(finite):.{digits}f}" if finite else "")
        keys = [json.loads(key) for key in done]
        own = [done[json.dumps(key)] for key in keys if key[0] == "law_cell" and key[-1] == rival]
        row.append(f"{np.mean(['kl' not in found for found in own]):.0%}")
        lines.append(f"| {rival} | " + " | ".join(row) + " |")
    lines += [
        "",
        "| law | n | " + " | ".join(SHOWN_PER_CELL) + " |",
        "|---|---|" + "---|" * len(SHOWN_PER_CELL),
    ]
    for (name, n), by in sorted(fisher.items()):
        values = [f"{by[rival]:.4f}" if rival in by else "" for rival in SHOWN_PER_CELL]
        lines.append(f"| {name} | {n} | " + " | ".join(values) + " |")
    return lines


def column_tables(done):
    """Return the lines of the table of columns."""
    table = cells(done, "column_cell", "likelihood", -np.inf)
    rivals = [rival for rival in RIVALS if any(rival in by for by in table.values())]
    lines = ["", "Held-out log-likelihood a point:", "", "| column | " + " | ".join(rivals) + " |"]
    lines.append("|---|" + "---|" * len(rivals))
    gains = []
    for (name,), by in table.items():
        values = [f"{by[rival]:.3f}" if rival in by else "" for rival in rivals]
        lines.append(f"| {name} | " + " | ".join(values) + " |")
        others = [by[rival] for rival in OTHERS if rival in by]
        if "pooled" in by and others:
            gains.append(by["pooled"] - max(others))
    if gains:
        lines += ["", f"pooled minus the best of the others, median column: {np.median(gains):+.4f}"]
    for rival in rivals:
        steps = [by["pooled"] - by[rival] for by in table.values() if {"pooled", rival} <= set(by)]
        if steps and rival != "pooled":
            lines.append(f"pooled minus {rival}: median {np.median(steps):+.4f}, least {min(steps):+.4f}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--laws", nargs="*", default=["all"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--columns", choices=("few", "all", "none"), default="few")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rivals", nargs="+", choices=list(RIVALS), default=list(RIVALS))
    parser.add_argument("--table", action="store_true", help="only show what the file has")
    options = parser.parse_args()
    groups = {
        "all": list(LAWS),
        "design": [name for name in LAWS if name in DESIGN],
        "held-out": [name for name in LAWS if name not in DESIGN],
        "none": [],
    }
    laws = [name for given in options.laws for name in groups.get(given, [given])]
    names = {"few": FEW_COLUMNS, "all": tuple(columns()), "none": ()}[options.columns]
    jobs = [
        (law_cell, (name, n, seed, rival))
        for seed in range(options.seeds)
        for n in options.sizes
        for name in laws
        for rival in options.rivals
    ]
    jobs += [
        (column_cell, (name, partition, rival))
        for partition in range(options.partitions)
        for name in names
        for rival in options.rivals
    ]
    done = run([] if options.table else jobs, options.results)
    print("\n".join(law_tables(done) + column_tables(done)))


if __name__ == "__main__":
    main()
