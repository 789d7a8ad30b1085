"""Figure 16, beyond the paper: Langevin's law without Monte Carlo, against the bound of Theorem 3.4.

For a concave log-density whose score has slopes of at most ``L``, the average of the laws of
``x <- x + h s(x) + sqrt(2 h) z`` after steps 1 to N obeys (Durmus, Majewski & Miasojedow 2019)

    KL(average || p)  <=  W2(start, p)^2 / (2 N h) + L h.

The law is pushed forward on a grid by the exact transition density.  Chosen by us: 200 standard Gaussian
points (seed 0), score matching, ReLU without skip at weight decay 0.8 n, in the linear regime, where the
learned density is log-concave with ``L = (1 - beta / n) / v``; start ``N(m, 0.3^2)`` with ``m`` three learned
standard deviations to the right of the learned mean; steps ``h`` of 0.5, 0.1 and 0.02 of ``1 / L``.
"""

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import convexscore as cs

from .common import ACCENT, GREEN, INK, SOFT, report, trim

SEED, N, SHARE, START_STD, STEPS = 0, 200, 0.8, 0.3, (0.5, 0.1, 0.02)


def draw(quick=False):
    """Return the figure and its numbers."""
    x = np.random.default_rng(SEED).standard_normal(N)
    objective = cs.ScoreMatching(x)
    solution = cs.solve(objective, SHARE * N)
    density = cs.ScoreDensity(solution.network)
    steepest = float(np.abs(solution.network.piecewise.slopes).max())
    start = norm(density.mean() + 3 * density.std(), START_STD)
    # The optimal coupling on the line is monotone: from x to the start's quantile at the same level.
    squared = density.expect(lambda y: (y - _same_quantile(start, density, y)) ** 2)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    runs = {}
    for share, color in zip(STEPS, (ACCENT, INK, GREEN), strict=True):
        h = share / steepest
        n_steps = 200 if quick else 2000
        divergence, lost = _averages(solution.network, density, start, h, n_steps, quick)
        steps = np.arange(1, n_steps + 1)
        bound = squared / (2 * steps * h) + steepest * h
        left.plot(steps, divergence, color=color, label=f"h = {share:g} / L")
        left.plot(steps, bound, "--", color=color)
        runs[f"{share:g}/L"] = {
            "h": h,
            "largest_ratio_to_bound": np.max(divergence / bound),
            "divergence_at_powers_of_ten": divergence[[9, 99, -1]],
            "bound_at_powers_of_ten": bound[[9, 99, -1]],
            "mass_lost_on_the_grid": lost,
        }
    left.plot([], [], "--", color="gray", label="bound of Theorem 3.4")
    left.set(xscale="log", yscale="log", xlabel="steps N", ylabel="KL(average law || learned density)")
    left.set_title("Divergence on a grid and its bound", fontsize=10)
    left.legend(frameon=False, fontsize=8)
    _snapshots(right, solution.network, density, start, 0.1 / steepest, quick)
    trim((left, right))
    claims = {
        "the learned density is log-concave": density.is_log_concave,
        "the bound holds at every step": all(run["largest_ratio_to_bound"] <= 1 for run in runs.values()),
    }
    parameters = {
        "seed": SEED,
        "n": N,
        "beta": SHARE * N,
        "network": "ReLU without skip",
        "start_std": START_STD,
    }
    return figure, report(claims, parameters, quick, lipschitz=steepest, squared_w2=squared, **runs)


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
        ax.plot(x, law / width, style, color=INK, label=f"law after {number} step" + "s" * (number != 1))
    middle, spread = density.mean(), density.std()
    ax.set(xlabel="x", ylabel="density", xlim=(middle - 4.5 * spread, middle + 4.5 * spread))
    ax.set_title("The law of h = 0.1 / L moves to the learned density", fontsize=10)
    ax.legend(frameon=False, fontsize=8)
