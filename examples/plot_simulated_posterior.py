"""
A posterior from nothing but a simulator
========================================

You can simulate but have no likelihood, and want to know which parameters may have made what you observed.

Run: ``python examples/plot_simulated_posterior.py`` (writes simulated_posterior.png)

Draw 500 parameters from the prior, simulate one datum for each, and fit the density of the pairs: its slice
at the observed datum is the posterior, for every datum at once.  A pooled score does it without choices;
one certified conservative network does it at a weight decay that was given.  The rival is approximate
Bayesian computation with the same 500 pairs: keep the twentieth nearest to the datum, or adjust the nearest
fifth by a local line (Beaumont, Zhang & Balding 2002).  Both problems have posteriors that are known:

- the logarithm of a rate with a gamma prior, and of the mean of four waiting times: conjugate;
- a Gaussian parameter and its square with noise: two answers.

Errors are first Wasserstein distances to the exact posteriors, means over three seeds. The pool's are
smaller on the rate and at the first two data of the square. At its third datum, far out, fell few pairs:
there how mass is shared between the two answers is a matter of luck for all, and with fewer pairs the pool
is no better than the rivals.

One parameter and one datum are the plane, and that is as far as densities go here: with more of either,
neural posterior estimators are what to use. The certified network is a global optimum of its loss at its
weight decay, which is no promise of the smallest error: on the rate it is about as good as the pool, and on
the square most of those that we tried have no density.
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs

N, SEEDS = 500, 3


class Rate:
    name, label = "rate of waiting times", "log rate"
    observed, grid = (-1.0, 0.0, 1.0), np.linspace(-5, 4, 901)

    def simulate(self, rng):
        rate = rng.gamma(2.0, 1.0, N)
        return np.column_stack([np.log(rate), np.log(rng.gamma(4.0, 1 / (4 * rate)))])

    def posterior(self, x):
        # Given the mean m of the four, the rate is gamma, of shape 2 + 4 and rate 1 + 4 m.
        return normalized(6 * self.grid - (1 + 4 * np.exp(x)) * np.exp(self.grid), self.grid)


class Square:
    name, label = "square with noise", "parameter"
    observed, grid = (0.0, 1.0, 2.5), np.linspace(-4, 4, 801)

    def simulate(self, rng):
        theta = rng.standard_normal(N)
        return np.column_stack([theta, theta**2 + 0.3 * rng.standard_normal(N)])

    def posterior(self, x):
        return normalized(-0.5 * self.grid**2 - 0.5 * ((x - self.grid**2) / 0.3) ** 2, self.grid)


def normalized(log_density, grid):
    density = np.exp(log_density - log_density.max())
    return density / (density.sum() * (grid[1] - grid[0]))


def pooled(pairs, grid):
    pool = cs.PooledScore.fit(pairs, rng=0)
    return lambda x: np.cumsum(normalized(pool.logpdf(np.column_stack([grid, np.full(grid.size, x)])), grid))


def certified(pairs, grid):
    middle, spread = pairs.mean(axis=0), pairs.std(axis=0)
    solution = cs.solve((pairs - middle) / spread, 40.0, skip=True, conservative=True)
    density = solution.density()

    def slices(x):
        points = (np.column_stack([grid, np.full(grid.size, x)]) - middle) / spread
        return np.cumsum(normalized(density.logpdf(points), grid))

    slices.solution = solution
    return slices


def distribution(theta, weights, grid):
    """The distribution function of weighted parameters, in the units of `np.cumsum` of densities."""
    order = np.argsort(theta)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return below[np.searchsorted(theta[order], grid, side="right")] / below[-1] / (grid[1] - grid[0])


def nearest(pairs, grid):
    def kept(x):
        near = np.argsort(np.abs(pairs[:, 1] - x))[: N // 20]
        return distribution(pairs[near, 0], np.ones(near.size), grid)

    return kept


def adjusted(pairs, grid):
    def kept(x):
        near = np.argsort(np.abs(pairs[:, 1] - x))[: N // 5]
        theta, gap = pairs[near, 0], pairs[near, 1] - x
        weights = 1 - (gap / np.abs(gap).max()) ** 2
        slope = np.polyfit(gap, theta, 1, w=np.sqrt(weights))[0]
        return distribution(theta - slope * gap, weights, grid)

    return kept


def error(found, problem, x):
    width = problem.grid[1] - problem.grid[0]
    return np.abs(found - np.cumsum(problem.posterior(x))).sum() * width**2


METHODS = {"pooled score": pooled, "nearest twentieth": nearest, "adjusted by a line": adjusted}
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
errors = {}
for ax, problem in zip(axes, (Rate(), Square()), strict=True):
    methods = METHODS | ({"certified network": certified} if problem.name == Rate.name else {})
    for seed in range(SEEDS):
        pairs = problem.simulate(np.random.default_rng(seed))
        for name, method in methods.items():
            found = method(pairs, problem.grid)
            key = problem.name, name
            errors.setdefault(key, []).append([error(found(x), problem, x) for x in problem.observed])
            if seed == 0 and name == "pooled score":
                slices = found
            if seed == 0 and name == "certified network":
                print(found.solution)
    for x, color in zip(problem.observed, ("#1f3b57", "#c8553d", "#5b9aa0"), strict=True):
        ax.plot(problem.grid, problem.posterior(x), color=color, lw=5, alpha=0.25)
        density = np.diff(slices(x), prepend=0.0)
        ax.plot(problem.grid, density, color=color, label=f"datum {x:g}")
    ax.set(xlabel=problem.label, title=problem.name, ylabel="posterior density", ylim=(0, None))
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
errors = {key: np.mean(values, axis=0) for key, values in errors.items()}
for (problem, name), values in errors.items():
    print(f"{problem:22} {name:18} distances at the three data", *(f"{value:.3f}" for value in values))
figure.suptitle("slices of the pool (thin) on exact posteriors (broad)")
figure.savefig("simulated_posterior.png", dpi=120)

# What is said above, loosely: of the rate, and of the square but for the datum far out.
for problem, data in ((Rate.name, slice(3)), (Square.name, slice(2))):
    mean = {name: errors[problem, name][data].mean() for name in METHODS}
    assert mean["pooled score"] < 0.9 * mean["adjusted by a line"] < 0.9 * mean["nearest twentieth"]
assert 0.6 < errors[Rate.name, "certified network"].mean() / errors[Rate.name, "pooled score"].mean() < 1.5
