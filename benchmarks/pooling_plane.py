"""How good pooled scores are in the plane: divergences on laws with exact scores.

Fisher divergence ``E_p ||s - s*||^2`` and, for densities, Kullback-Leibler divergence on 20000 fresh points,
medians over seeds; ratios are to the best of the other methods, geometric means over laws and sizes with
standard errors over these.  Constants of the pool were chosen on ``planar_truths.TUNED_ON``.  Results are
kept in a JSON file; what is there is not run again: it can be done in parts.
Run: python benchmarks/pooling_plane.py --results FILE [--laws ring circle] [--seeds 3] [--sizes 100 500 2000]
     [--rivals pooled "kde cv"] [--table]
"""

import argparse
import time
from pathlib import Path

import numpy as np
import planar_rivals
from planar_quality import convex_matching
from planar_truths import MORE, TRUTHS, TUNED_ON
from pooling import cells, run, with_error

import convexscore as cs

LAWS = TRUTHS | MORE


def pooled(*members):
    def fit(X, rng):
        return cs.PooledScore.fit(X, rng=rng, **({"members": members} if members else {}))

    return fit


RIVALS = {
    "gaussian": planar_rivals.gaussian_score,
    "mixture bic": planar_rivals.mixture_score,
    "kde cv": planar_rivals.kde_score,
    "kernel exp. family": planar_rivals.kernel_exponential_family_score,
    "stein": planar_rivals.stein_score,
    "adam": planar_rivals.adam_score,
    "convex auto": convex_matching,
    "pooled": pooled(),
    "pooled, no mixtures": pooled("line", "network"),
}
OTHERS = tuple(rival for rival in RIVALS if not rival.startswith("pooled"))


def law_cell(name, n, seed, rival):
    """Return the measures of one method on one sample of a law."""
    law = LAWS[name]
    fresh = law.sample(20_000, np.random.default_rng(10**6))
    X = law.sample(n, np.random.default_rng(seed + 100))
    start = time.process_time()
    score = RIVALS[rival](X, np.random.default_rng(seed))
    found = {"seconds": time.process_time() - start}
    found["fisher"] = float(np.mean(np.sum((score(fresh) - law.score(fresh)) ** 2, axis=1)))
    if hasattr(score, "logpdf"):
        found["kl"] = float(np.mean(law.logpdf(fresh) - score.logpdf(fresh)))
    return found


def tables(done):
    """Return the lines of the tables."""
    fisher = cells(done, "law_cell", "fisher", np.inf)
    kl = cells(done, "law_cell", "kl", np.inf)
    seconds = cells(done, "law_cell", "seconds", np.nan)
    sizes = sorted({n for _, n in fisher})
    rivals = [rival for rival in RIVALS if any(rival in by for by in fisher.values())]
    heads = [*(f"held out, n={n}" for n in sizes), "design", "held out", "over mixture, held out"]
    heads += ["KL, held out", *(f"CPU s, n={n}" for n in sizes)]
    lines = ["| method | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]

    def best(by):
        return min((by[rival] for rival in OTHERS if rival in by), default=np.inf)

    def ratio(rival, chosen, base=best):
        return with_error([np.log(by[rival] / base(by)) for by in chosen if rival in by])

    for rival in rivals:
        held_out = {place: by for place, by in fisher.items() if place[0] not in TUNED_ON}
        row = [ratio(rival, [by for (_, m), by in held_out.items() if m == n]) for n in sizes]
        row.append(ratio(rival, [by for (name, _), by in fisher.items() if name in TUNED_ON]))
        row.append(ratio(rival, held_out.values()))
        row.append(ratio(rival, held_out.values(), lambda by: by.get("mixture bic", np.nan)))
        own = [kl[place][rival] for place in held_out if np.isfinite(kl[place].get(rival, np.inf))]
        row.append(f"{np.mean(own):.3f}" if own else "")
        for n in sizes:
            spent = [by[rival] for (_, m), by in seconds.items() if m == n and rival in by]
            row.append(f"{np.median(spent):.1f}" if spent else "")
        lines.append(f"| {rival} | " + " | ".join(row) + " |")
    lines += ["", "| law | n | " + " | ".join(rivals) + " |", "|---|---|" + "---|" * len(rivals)]
    for (name, n), by in sorted(fisher.items()):
        values = [f"{by[rival]:.3g}" if rival in by else "" for rival in rivals]
        lines.append(f"| {name} | {n} | " + " | ".join(values) + " |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--laws", nargs="*", choices=list(LAWS), default=list(LAWS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rivals", nargs="+", choices=list(RIVALS), default=list(RIVALS))
    parser.add_argument("--table", action="store_true", help="only show what the file has")
    options = parser.parse_args()
    jobs = [
        (law_cell, (name, n, seed, rival))
        for seed in range(options.seeds)
        for n in options.sizes
        for name in options.laws
        for rival in options.rivals
    ]
    print("\n".join(tables(run([] if options.table else jobs, options.results))))


if __name__ == "__main__":
    main()
