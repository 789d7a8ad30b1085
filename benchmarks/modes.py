"""Tests of the number of modes: how often they reject, where they should not and where they should.

*score* is ``convexscore.mode_test(x, k, 59)``; *kernel* is Silverman's (1981): the critical bandwidth of a
Gaussian kernel estimate, 59 smooth bootstrap samples with the variance of the data; *dip* is Hartigan's
(1985), for one mode, by its law under uniform samples (999 of them).  Each rejects at p-values of at most 5 %
and 10 %.

Laws with one mode, or as many as are tested for, come first: their shares are levels; the others are power.
"rounded" is normal, rounded to a quarter of its deviation.  "two, d" is half N(0, 1) and half N(d, 1); it has
two modes for d > 2.  "few" has a tenth in N(4, 0.5^2).

Run: python benchmarks/modes.py [--sets 200] [--sizes 50 200 500] [--jobs 2] [--table docs/modes.md]
"""

import argparse
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import convexscore as cs

REPLICATES, UNIFORM = 59, 999
SIZES = (50, 200, 500)


def mixture(distance, share=0.5, deviation=1.0):
    def draw(rng, n):
        second = rng.random(n) < share
        return np.where(second, distance + deviation * rng.standard_normal(n), rng.standard_normal(n))

    return draw


#: Name: how many modes are tested for, whether there are no more, how samples are drawn.
LAWS = {
    "normal": (1, True, lambda rng, n: rng.standard_normal(n)),
    "t5": (1, True, lambda rng, n: rng.standard_t(5, n)),
    "Laplace": (1, True, lambda rng, n: rng.laplace(size=n)),
    "Gumbel": (1, True, lambda rng, n: rng.gumbel(size=n)),
    "gamma(2)": (1, True, lambda rng, n: rng.gamma(2.0, size=n)),
    "beta(2, 2)": (1, True, lambda rng, n: rng.beta(2.0, 2.0, size=n)),
    "exponential": (1, True, lambda rng, n: rng.exponential(size=n)),
    "uniform": (1, True, lambda rng, n: rng.random(n)),
    "Cauchy": (1, True, lambda rng, n: rng.standard_cauchy(n)),
    "rounded": (1, True, lambda rng, n: 0.25 * np.rint(4 * rng.standard_normal(n))),
    "two, 2": (1, True, mixture(2.0)),
    "two, 5": (2, True, mixture(5.0)),
    "two, 2.5": (1, False, mixture(2.5)),
    "two, 3": (1, False, mixture(3.0)),
    "two, 3.5": (1, False, mixture(3.5)),
    "two, 4": (1, False, mixture(4.0)),
    "few": (1, False, mixture(4.0, 0.1, 0.5)),
}


def score_pvalue(x, k, rng):
    return cs.mode_test(x, k, REPLICATES, rng).pvalue


def kernel_modes(x, width):
    """Return how many modes a Gaussian kernel estimate has.

    It is seen on a grid an eighth of its width apart, of 4096 points at most.
    """
    low, high = x.min() - width, x.max() + width
    grid = np.linspace(low, high, int(np.clip(8 * (high - low) / width, 64, 4096)))
    density = np.zeros(grid.size)
    for part in np.array_split(np.sort(x), max(1, x.size * grid.size // 200_000)):
        density += np.exp(-0.5 * ((grid[:, None] - part) / width) ** 2).sum(axis=1)
    rises = np.diff(density) > 0
    return int(np.sum(rises[:-1] & ~rises[1:]))


def kernel_pvalue(x, k, rng):
    """Return the p-value of Silverman's test."""
    deviation = x.std()
    high = low = deviation
    while kernel_modes(x, low) <= k and low > 1e-3 * deviation:
        high, low = low, 0.5 * low
    for _ in range(12):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if kernel_modes(x, middle) <= k else (middle, high)
    shrink = 1 / np.sqrt(1 + (high / deviation) ** 2)
    count = 0
    for _ in range(REPLICATES):
        drawn = rng.choice(x, x.size) + high * rng.standard_normal(x.size)
        count += kernel_modes(x.mean() + shrink * (drawn - x.mean()), high) > k
    return (1 + count) / (1 + REPLICATES)


def hull(x, height, sign):
    """Return the indices of the knots of the greatest convex minorant (sign 1) or least concave majorant."""
    knots = []
    for i in range(x.size):
        while len(knots) > 1:
            a, b = knots[-2:]
            turn = (x[b] - x[a]) * (height[i] - height[a]) - (height[b] - height[a]) * (x[i] - x[a])
            if sign * turn > 0:
                break
            knots.pop()
        knots.append(i)
    return np.array(knots)


def dip(x):
    """Return the dip of Hartigan & Hartigan (1985): the distance to the nearest unimodal distribution."""
    x = np.sort(x)
    n = x.size
    # Left and right limits of the empirical distribution, times n.
    below, above = np.arange(n, dtype=float), np.arange(1.0, n + 1)
    low, high, found = 0, n - 1, 1.0
    while low < high:
        part = slice(low, high + 1)
        convex, concave = hull(x[part], below[part], 1) + low, hull(x[part], above[part], -1) + low
        minorant = np.interp(x, x[convex], below[convex])
        majorant = np.interp(x, x[concave], above[concave])
        knots = np.union1d(convex, concave)
        gap = (majorant - minorant)[knots]
        largest = knots[np.argmax(gap)]
        left = convex[convex <= largest][-1]
        right = concave[concave >= largest][0]
        if gap.max() <= found:
            break
        before, after = slice(low, left + 1), slice(right, high + 1)
        found = max(found, (above - minorant)[before].max(), (majorant - below)[after].max())
        if (left, right) == (low, high):
            break
        low, high = left, right
    return found / (2 * n)


def uniform_dips(n):
    rng = np.random.default_rng(n)
    return np.array([dip(rng.random(n)) for _ in range(UNIFORM)])


def dip_pvalue(x, dips):
    return (1 + np.sum(dips >= dip(x))) / (1 + dips.size)


def pvalues(name, n, number, dips):
    """Return the three p-values of one data set."""
    k, _, draw = LAWS[name]
    rng = np.random.default_rng([number, n])
    x = draw(rng, n)
    third = dip_pvalue(x, dips) if k == 1 else np.nan
    return score_pvalue(x, k, rng), kernel_pvalue(x, k, rng), third


def table(sets, sizes, laws, jobs):
    """Yield the lines of the table."""
    yield "| law | modes tested | n | sets | score, 5 % | 10 % | kernel, 5 % | 10 % | dip, 5 % | 10 % |"
    yield "|---|---|---|---|" + "---|" * 6
    dips = {n: uniform_dips(n) for n in sizes}
    with Parallel(jobs) as workers:
        for name in laws:
            k, within, _ = LAWS[name]
            for n in sizes:
                found = workers(delayed(pvalues)(name, n, number, dips[n]) for number in range(sets))
                shares = [np.mean(np.array(found) <= level + 1e-12, axis=0) for level in (0.05, 0.1)]
                cells = [f"{share:.3f}" for pair in zip(*shares, strict=True) for share in pair]
                if k > 1:
                    cells[4:] = ["", ""]
                yield f"| {name if within else f'*{name}*'} | {k} | {n} | {sets} | {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--laws", nargs="+", default=list(LAWS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    arguments = parser.parse_args()
    lines = []
    for line in table(arguments.sets, arguments.sizes, arguments.laws, arguments.jobs):
        print(line, flush=True)
        lines.append(line)
    if arguments.table:
        begin, end = "<!-- rejections -->\n", "<!-- end of rejections -->"
        text = arguments.table.read_text(encoding="utf-8")
        before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
        arguments.table.write_text(before + "\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
