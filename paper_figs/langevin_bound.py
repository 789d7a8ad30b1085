"""Figure 16, beyond the paper: Langevin's law without Monte Carlo, against the bound of Theorem 3.4.

For a concave log-density whose score has slopes of at most ``L``, the average of the laws of
``x <- x + h s(x) + sqrt(2 h) z`` after steps 1 to N obeys (Durmus, Majewski & Miasojedow 2019)

    KL(average || p)  <=  W2(start, p)^2 / (2 N h) + L h.

The law is pushed forward on a grid by the exact transition density.  Chosen by us: 200 standard Gaussian
points (seed 0), score matching, ReLU without skip at weight decay 0.8 n, in the linear regime, where the
learned density is log-concave with ``L = (1 - beta / n) / v``; start ``N(m, 0.3^2)`` with ``m`` three learned
standard deviations to the right of the learned mean; steps ``h`` of 0.5, 0.1 and 0.02 of ``1 / L``.  Own data
have the weight decay half-way between the two thresholds of that regime.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import convexscore as cs

from .common import ACCENT, GREEN, INK, SOFT, WIDTH, report, trim
from .panels import legend, plural

SEED, N, SHARE, START_STD, STEPS = 0, 200, 0.8, 0.3, (0.5, 0.1, 0.02)
COLORS, MARKERS = (ACCENT, INK, GREEN), ("o", "s", "^")


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of ours."""
    x = np.random.default_rng(SEED).standard_normal(N) if own is None else own.values
    objective = cs.ScoreMatching(x)
    beta = SHARE * N if own is None else _middle(objective, own)
    solution = cs.solve(objective, beta)
    density = cs.ScoreDensity(solution.network)
    steepest = float(np.abs(solution.network.piecewise.slopes).max())
    start = norm(density.mean() + 3 * density.std(), START_STD)
    # The optimal coupling on the line is monotone: from x to the start's quantile at the same level.
    squared = density.expect(lambda y: (y - _same_quantile(start, density, y)) ** 2)
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    of = "standard Gaussian" if own is None else repr(own)
    title = f"Langevin dynamics, ReLU without skip, weight decay {beta:.4g}, {of}, n = {x.size}"
    figure.suptitle(title, fontsize=10)
    left, right = figure.subplots(1, 2)
    runs = {}
    for share, color, marker in zip(STEPS, COLORS, MARKERS, strict=True):
        h = share / steepest
        n_steps = 200 if quick else 2000
        divergence, lost = _averages(solution.network, density, start, h, n_steps, quick)
        steps = np.arange(1, n_steps + 1)
        bound = squared / (2 * steps * h) + steepest * h
        shape = {"color": color, "marker": marker, "markevery": 0.2, "markersize": 4}
        left.plot(steps, divergence, label=f"h = {share:g} / L", **shape)
        left.plot(steps, bound, linestyle="--", **shape)
        runs[f"{share:g}/L"] = {
            "h": h,
            "largest_ratio_to_bound": np.max(divergence / bound),
            "divergence_at_powers_of_ten": divergence[[9, 99, -1]],
            "bound_at_powers_of_ten": bound[[9, 99, -1]],
            "mass_lost_on_the_grid": lost,
        }
    left.plot([], [], "--", color="gray", label="bound, Theorem 3.4")
    left.set(xscale="log", yscale="log", xlabel="steps N", ylabel="KL(average || learned density)")
    left.set_title("Divergence on a grid and its bound")
    low, high = left.get_ylim()
    left.set_ylim(low, high * (high / low) ** 0.1)
    legend(left)
    _snapshots(right, solution.network, density, start, 0.1 / steepest, quick)
    trim((left, right))
    worst = max(run["largest_ratio_to_bound"] for run in runs.values())
    slopes = float(solution.network.piecewise.slopes.max())
    claims = {
        "the learned density is log-concave": (density.is_log_concave, f"largest slope {slopes:.1g}"),
        "the bound holds at every step": (worst <= 1, f"divergence at most {worst:.2f} of it"),
    }
    parameters = {
        "seed": SEED,
        "n": x.size,
        "beta": beta,
        "network": "ReLU without skip",
        "start_std": START_STD,
        **({} if own is None else {"data": own.parameters}),
    }
    return figure, report(claims, parameters, quick, lipschitz=steepest, squared_w2=squared, **runs)


def _middle(objective, own):
    """Return the weight decay half-way between the thresholds of the linear regime."""
    bounds = cs.beta_bounds(objective)
    if bounds.linear >= bounds.maximum:
        raise ValueError(
            f"--column: expected data whose score is a line at some weight decay below {bounds.maximum:g}, "
            f"got {own.names[0]}, with ties for which there is none"
        )
    return (bounds.linear + bounds.maximum) / 2


def _same_quantile(start, density, y):
    """Return the start's quantile at the level of `y`, by whichever tail is the smaller."""
    low = density.logcdf(y) < np.log(0.5)
    with np.errstate(under="ignore"):
        return np.where(low, start.ppf(density.cdf(y)), start.isf(density.sf(y)))


def _grid(density, quick):
    middle, spread = density.mean(), density.std()
    return np.linspace(middle - 10 * spread, middle + 10 * spread, 501 if quick else 1001)


def _transition(score, x, h):
    """Return the matrix that maps masses at the nodes to masses at the nodes after a step."""
    width = x[1] - x[0]
    return norm.pdf(x[:, None], x + h * score(x), np.sqrt(2 * h)) * width


def _averages(score, density, start, h, n_steps, quick):
    """Return the divergence of the average law after each step, and the mass lost on the grid."""
    x = _grid(density, quick)
    width = x[1] - x[0]
    step = _transition(score, x, h)
    target = density.logpdf(x)
    law = start.pdf(x) * width
    total = np.zeros_like(law)
    divergence = np.empty(n_steps)
    for number in range(n_steps):
        law = step @ law
        total += law
        average = total / (number + 1)
        used = average > 0
        divergence[number] = average[used] @ (np.log(average[used] / width) - target[used])
    return divergence, abs(1 - float(law.sum()))


def _snapshots(ax, score, density, start, h, quick):
    """Draw the law after some steps, on its way to the learned density."""
    x = _grid(density, quick)
    width = x[1] - x[0]
    step = _transition(score, x, h)
    law, done = start.pdf(x) * width, 0
    ax.fill_between(x, density.pdf(x), color=SOFT, label="learned density")
    for number, style in ((1, ":"), (10, "--"), (100, "-")):
        while done < number:
            law, done = step @ law, done + 1
        ax.plot(x, law / width, style, color=INK, label=f"after {plural(number, 'step')}")
    middle, spread = density.mean(), density.std()
    ax.set(xlabel="x", ylabel="density", xlim=(middle - 4.5 * spread, middle + 4.5 * spread))
    ax.set_title("The law of h = 0.1 / L moves to the learned density")
    legend(ax, loc="upper left")
