"""Figure 6: convex scores of one Gaussian and of separated clusters, kinks and extreme points marked.

The source says of abs networks that the score of a mixture of separated clusters is approximately that of the
mixture, with breakpoints at the extreme points of each cluster.  Chosen by us, because the source's values do
not reach us: 100 points, clusters of standard deviation 0.4 at -10 and 10, abs without skip, weight decay
``0.3 n``.  Beside it are settings in which the claim fails: the same clusters with ReLU, clusters at -4 and
4, and, in numbers only, clusters of standard deviation 1.  Panels have seed 0; the claim is counted over 40
seeds, and holds if in most of them every extreme point is a kink.

Own data are cut into two clusters at their widest gap.
"""

import numpy as np
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.plotting import plot_score

from .common import GREEN, INK, WIDTH, report, standard_error, trim
from .laws import Gaussians, Own
from .panels import legend

SEED, N, N_SEEDS, SHARE, SCALE, ALIKE = 0, 100, 40, 0.3, 0.4, 0.9
FAR, NEAR = Gaussians((-10.0, 10.0), SCALE), Gaussians((-4.0, 4.0), SCALE)
CASES = {
    "abs, one Gaussian": (Gaussians(), "abs"),
    "abs, clusters at -10 and 10": (FAR, "abs"),
    "ReLU, clusters at -10 and 10": (FAR, "relu"),
    "abs, clusters at -4 and 4": (NEAR, "abs"),
}


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of ours; it is quick anyway."""
    cases = CASES if own is None else {"abs, cut at the widest gap": (own, "abs"), "ReLU": (own, "relu")}
    figure = Figure(figsize=(WIDTH, 6.6 if own is None else 4.0), layout="constrained")
    title = f"Score matching without skip, n = {N if own is None else own.n}, weight decay {SHARE:g} n"
    figure.suptitle(title + ("" if own is None else f", {own!r}"), fontsize=10)
    axes = figure.subplots(2 if own is None else 1, 2)
    numbers = {
        name: _panel(ax, name, law, activation, quick)
        for ax, (name, (law, activation)) in zip(axes.flat, cases.items(), strict=True)
    }
    off = max(case["largest_distance_of_kink_to_data"] for case in numbers.values())
    claims = {"every kink is a data point": (off <= 1e-9, f"largest distance {off:.1g}")}
    for name, case in numbers.items():
        claims.update(_claims(name, case))
    parameters = {
        "seed": SEED,
        "seeds": N_SEEDS,
        "n": N if own is None else own.n,
        "network": "without skip",
        "share_of_n": SHARE,
        "laws": {name: repr(law) for name, (law, _) in cases.items()},
        **({} if own is None else {"data": own.parameters}),
    }
    wider, wider_error = None, None
    if own is None:
        wider, wider_error, _ = _counted(Gaussians(FAR.means), "abs", quick)
    errors = {name: case["standard_error"] for name, case in numbers.items()}
    return figure, report(
        claims,
        parameters,
        quick,
        standard_errors={
            "share_of_seeds_with_a_kink_at_every_extreme": errors,
            "share_with_clusters_of_std_1": wider_error,
        },
        share_with_clusters_of_std_1=wider,
        extremes={name: case["extremes"] for name, case in numbers.items()},
        **numbers,
    )


def _clusters(law, x):
    """Return the points of each cluster; own data are cut at the widest gap."""
    if isinstance(law, Own):
        ordered = np.sort(x)
        cut = int(np.argmax(np.diff(ordered))) + 1
        return [ordered[:cut], ordered[cut:]]
    nearest = np.argmin(np.abs(x[:, None] - np.array(law.means)), axis=1)
    return [x[nearest == number] for number in range(len(law.means))]


def _extremes(law, x):
    """Return the least and the largest point of each cluster."""
    return np.array([end for cluster in _clusters(law, x) for end in (cluster.min(), cluster.max())])


def _beta(x, activation):
    """Return the weight decay, raised to where an optimum exists if own data are tied."""
    return max(SHARE * x.size, 1.01 * cs.beta_bounds(cs.ScoreMatching(x), activation).minimum)


def _at_extremes(kinks, extremes):
    """Return which extreme points are kinks."""
    return [bool(np.any(np.abs(kinks - extreme) <= 1e-9)) for extreme in extremes]


def _every_extreme(law, activation, seed):
    """Return whether every extreme point of every cluster is a kink, for points of another seed."""
    x = law.sample(N, np.random.default_rng(seed))
    score = cs.solve(cs.ScoreMatching(x), _beta(x, activation), activation).network
    return all(_at_extremes(score.kinks, _extremes(law, x)))


def _counted(law, activation, quick):
    """Return the share of seeds in which every extreme point is a kink, its standard error, and how many."""
    hits = [_every_extreme(law, activation, seed) for seed in range(5 if quick else N_SEEDS)]
    return float(np.mean(hits)), standard_error(hits), len(hits)


def _panel(ax, name, law, activation, quick):
    """Draw one score; return what is claimed of it."""
    x = law.sample(N, np.random.default_rng(SEED))
    beta = _beta(x, activation)
    solution = cs.solve(cs.ScoreMatching(x), beta, activation)
    score = solution.network
    extremes = _extremes(law, x)
    _draw_score(ax, name, law, score, x, extremes)
    kinks = score.kinks
    share, error, n_seeds = None, None, 0
    if isinstance(law, Gaussians) and len(extremes) > 2:
        share, error, n_seeds = _counted(law, activation, quick)
    return {
        "beta": beta,
        "n_kinks": kinks.size,
        "kinks": kinks,
        "extremes": extremes,
        "extremes_that_are_kinks": _at_extremes(kinks, extremes),
        "seeds": n_seeds,
        "share_of_seeds_with_a_kink_at_every_extreme": share,
        "standard_error": error,
        "correlation_with_the_score_of_the_law": (
            float(np.corrcoef(score(x), law.score(x))[0, 1]) if hasattr(law, "score") else None
        ),
        "certificate_gap": solution.certificate.gap,
        "largest_distance_of_kink_to_data": max((float(np.abs(x - k).min()) for k in kinks), default=0.0),
    }


def _draw_score(ax, name, law, score, x, extremes):
    plot_score(score, x, label=law.axis, ax=ax)
    low, high = ax.get_ylim()
    if hasattr(law, "score"):
        grid = np.linspace(*ax.get_xlim(), 401)
        ax.plot(grid, law.score(grid), "--", color=GREEN, linewidth=1.2, label="truth")
    shape = {"marker": "s", "markersize": 8, "fillstyle": "none", "color": INK, "linestyle": "none"}
    ax.plot(extremes, score(extremes), **shape, label="extreme points")
    ax.set_ylim(low, high + 0.6 * (high - low))
    legend(ax, ncols=2)
    ax.set_title(name)
    trim([ax])


def _claims(name, case):
    """Return what the source says of a case, and what was measured."""
    alike = case["correlation_with_the_score_of_the_law"]
    if alike is not None:
        yield (
            f"{name}: the score is nearly the law's",
            (alike >= ALIKE, f"correlation {alike:.2f} on the data"),
        )
    if len(case["extremes"]) > 2:
        at, share = case["extremes_that_are_kinks"], case["share_of_seeds_with_a_kink_at_every_extreme"]
        found = [f"{end:.3g}" for end, is_kink in zip(case["extremes"], at, strict=True) if is_kink]
        everything = ", ".join(f"{end:.3g}" for end in case["extremes"])
        measured = f"kinks at {', '.join(found) or 'none'} of {everything}"
        if share is not None:
            measured += f"; at all four in a share {share:.2f} +- {case['standard_error']:.2f} of seeds"
        yield (
            f"{name}: breakpoints at the extreme points of each cluster",
            (all(at) if share is None else share > 0.5, measured),
        )
