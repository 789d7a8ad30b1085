"""
Many noisy measurements of different things
===========================================

You have one noisy number for each of hundreds of genes, players or sites, and want a better guess of every
one.

Run: ``python examples/plot_empirical_bayes.py`` (writes empirical_bayes.png)

``y_i = theta_i + sigma z_i`` with known ``sigma``.  Tweedie's formula, ``E[theta | y] = y + sigma^2 s(y)``,
needs the score ``s`` of all measurements and no prior.  Here ``s`` is a certified network (its weight decay
chosen by itself) or a pooled score, against James and Stein's line, Tweedie with kernels (Brown &
Greenshtein 2009) and the maximum likelihood prior on a grid, by EM (Kiefer & Wolfowitz 1956; Jiang & Zhang
2009).  Four problems: the real textures of 569 tumours, remeasured with noise; 1000 effects of which nine
in ten are zero; 1000 in two groups; and 18 batting averages of 1970 (Efron & Morris 1975), whose truth is
the rest of the season.

On the three large problems both scores are within about a tenth of the maximum likelihood prior, which is
the best, and ahead of kernels; the prior knows that the noise is Gaussian, which no score does.  With 18
players there is no more to learn than a line: James and Stein's is the best.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer

import convexscore as cs

AT_BATS = 45
EARLY = [400, 378, 356, 333, 311, 311, 289, 267, 244, 244, 222, 222, 222, 222, 222, 200, 178, 156]
LATER = [346, 298, 276, 222, 273, 270, 263, 210, 269, 230, 264, 256, 303, 264, 226, 286, 316, 200]


def problems(n_repeats=3):
    """Yield name, truths and measurements in units of the noise, one row a repetition."""
    rng = np.random.default_rng(0)
    texture = load_breast_cancer().data[:, 1]
    effects = np.where(rng.random((n_repeats, 1000)) < 0.9, 0.0, rng.normal(3, 1, (n_repeats, 1000)))
    groups = rng.choice([-2.0, 2.0], (n_repeats, 1000)) + 0.3 * rng.standard_normal((n_repeats, 1000))
    for name, theta in (
        ("textures", np.tile(texture / texture.std(), (n_repeats, 1))),
        ("nine in ten zero", effects),
        ("two groups", groups),
    ):
        yield name, theta, theta + rng.standard_normal(theta.shape)
    # The arcsine makes the variance of a share the same for all shares.
    early, later = (2 * np.sqrt(AT_BATS) * np.arcsin(np.sqrt(np.array([x]) / 1000)) for x in (EARLY, LATER))
    yield "batting", later, early


def certified(y):
    return y + cs.solve(y, "auto", skip=True).network(y)


def pooled(y):
    return y + cs.PooledScore.fit(y, rng=0)(y)


def james_stein(y):
    gaps = y - y.mean()
    return y.mean() + max(1 - (y.size - 3) / (gaps @ gaps), 0.0) * gaps


def kernels(y):
    """Tweedie on the law of measurements with a little more noise."""
    width = 1 / np.sqrt(np.log(y.size))
    gaps = y - y[:, None]
    weight = np.exp(-0.5 * (gaps / width) ** 2)
    # The law of a kernel estimate has the noise 1 + width^2.
    return y + (1 + width**2) * (weight * gaps).sum(axis=1) / weight.sum(axis=1) / width**2


def maximum_likelihood(y, n_steps=300):
    grid = np.linspace(y.min(), y.max(), 200)
    likelihood = norm.pdf(y[:, None] - grid)
    prior = np.full(grid.size, 1 / grid.size)
    for _ in range(n_steps):
        prior *= (likelihood / (likelihood @ prior)[:, None]).mean(axis=0)
    return likelihood @ (prior * grid) / (likelihood @ prior)


METHODS = {
    "as measured": lambda y: y,
    "James-Stein": james_stein,
    "kernel Tweedie": kernels,
    "certified score": certified,
    "pooled score": pooled,
    "maximum likelihood prior": maximum_likelihood,
}
risk = {}
for problem, theta, y in problems():
    risk[problem] = {
        name: np.mean([(method(row) - truth) ** 2 for row, truth in zip(y, theta, strict=True)])
        for name, method in METHODS.items()
    }
    print(f"{problem:18}", ", ".join(f"{name} {value:.3f}" for name, value in risk[problem].items()))

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.2), width_ratios=(3, 2), layout="constrained")
colors = ("0.8", "0.55", "#c8553d", "#1f3b57", "#5b9aa0", "#d9a441")
# What is measured has a risk of one, and would only make the others small.
shown = list(METHODS)[1:]
for k, (name, color) in enumerate(zip(shown, colors[1:], strict=True)):
    places = np.arange(len(risk)) + (k - 2) * 0.16
    axes[0].bar(places, [values[name] for values in risk.values()], 0.15, color=color, label=name)
axes[0].set_xticks(range(len(risk)), risk)
axes[0].set(ylabel="mean squared error, in that of one measurement", ylim=(0, 1))
axes[0].set_title("risk; as measured it is one")
axes[0].legend(frameon=False, fontsize=9)
*_, (_, theta, y) = (found for found in problems() if found[0] == "two groups")
order = np.argsort(y[0])
axes[1].plot(y[0], theta[0], ".", color="0.85", zorder=0, label="truths")
for name, color in zip(shown, colors[1:], strict=True):
    axes[1].plot(y[0][order], METHODS[name](y[0])[order], color=color, label=name)
axes[1].set(xlabel="measured", ylabel="guess", title="two groups: truths (dots) and guesses")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("empirical_bayes.png", dpi=120)

# What is said above, loosely.
for found in risk.values():
    best, scores = found["maximum likelihood prior"], (found["pooled score"], found["certified score"])
    assert best < max(scores) < 1.13 * best
    assert max(scores) < found["kernel Tweedie"]
assert min(risk["batting"].values()) == risk["batting"]["James-Stein"]
