"""How often automatic scores of Gaussian data are lines, rounded or not, and those of other data are not.

Each cell is the share of samples of which the bootstrap rule makes a line, with skip; 0.9 is asked for on
Gaussian data.  The test of straightness is that of ``solve(x, "auto", skip=True)``; where it rejects the
line, which that rule does at a fraction of the cost, half the noise stands for what cross-validation would
choose (``--auto`` does all of it).  Columns are the rounding's widths in standard deviations, 0 for none.
*gaussian*: score matching of standard normal data; *denoising*: denoising score matching of such data at
noise level 0.5, rounded before the noise is added; *bimodal*: half N(-2, 0.5^2), half N(2, 0.5^2), which are
not to be lines.
Run: python benchmarks/straightness.py [--samples 400] [--sizes 10 30] [--auto] [--table docs/quality.md]
"""

import argparse
import warnings
from pathlib import Path

import numpy as np

import convexscore as cs

ROUNDINGS = (0.0, 0.01, 0.1, 0.5)
SIZES = (10, 20, 30, 100, 300, 2000)
#: Samples of the large size cost more: this share of them is drawn.
LARGE, PART = 2000, 4


def gaussian(n, width, rng):
    return cs.ScoreMatching(rounded(rng.standard_normal(n), width))


def denoising(n, width, rng):
    return cs.DenoisingScoreMatching.from_clean(rounded(rng.standard_normal(n), width), 0.5, rng=rng)


def bimodal(n, width, rng):
    x = rng.choice([-2.0, 2.0], n) + 0.5 * rng.standard_normal(n)
    # In units of its own deviation, about 2.06.
    return cs.ScoreMatching(rounded(x, width * np.sqrt(4.25)))


#: Laws, and what part of the samples is drawn of each.
LAWS = {gaussian: 1, denoising: 4, bimodal: 10}


def rounded(x, width):
    return width * np.rint(x / width) if width else x


def is_line(objective, method):
    if len(np.unique(objective.X)) < 2:
        return True
    with warnings.catch_warnings():
        # Where ties hold the weight decay at its bound, that is said.
        warnings.simplefilter("ignore", UserWarning)
        beta = cs.select_beta(objective, method, 0, skip=True)
        return cs.solve(objective, beta, skip=True).network.n_neurons == 0


def share_of_lines(law, n, width, samples, method):
    rngs = np.random.default_rng([n, int(100 * width)]).spawn(samples)
    return np.mean([is_line(law(n, width, rng), method) for rng in rngs])


def table(samples, sizes, method):
    """Yield the lines of the table."""
    yield "| law | n | samples | " + " | ".join(f"rounded to {width:g}" for width in ROUNDINGS) + " |"
    yield "|---|---|---|" + "---|" * len(ROUNDINGS)
    for law, part in LAWS.items():
        for n in sizes:
            drawn = max(1, samples // part // (PART if n >= LARGE else 1))
            shares = [f"{share_of_lines(law, n, width, drawn, method):.3f}" for width in ROUNDINGS]
            yield f"| {law.__name__} | {n} | {drawn} | " + " | ".join(shares) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--auto", action="store_true", help="the automatic rule, to the end")
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    lines = []
    for line in table(options.samples, options.sizes, "combined" if options.auto else "bootstrap"):
        print(line, flush=True)
        lines.append(line)
    if options.table:
        begin, end = "<!-- straightness -->\n", "<!-- end of straightness -->"
        text = options.table.read_text(encoding="utf-8")
        before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        options.table.write_text(before + "\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
