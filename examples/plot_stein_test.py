"""
Do these data come from my model?
=================================

You have a model that is known by its score alone, without its normalizing constant, and want to test it on
data.

Run: ``python examples/plot_stein_test.py`` (writes stein_test.png)

The kernel Stein discrepancy needs a sample and a score.  Its p-values come from the wild bootstrap: the sum
over pairs again with random signs (Liu, Lee & Jordan 2016; Chwialkowski, Strathmann & Gretton 2016).  The
model is a certified network, trained on half of 272 eruptions of Old Faithful and tested on the other half.
On the line its density and distribution function are exact, so that the tests of Kolmogorov and Smirnov and
of Anderson and Darling can be applied too, and are the rivals.

The model's shape is about right and the shares of its two modes are not, which score matching does not see:
the fit warns of it, the other two tests reject the model, and the Stein test barely doubts it.  A pooled
score has the shares. Right: how often each of the three rejects at level 5 % when 100 points are from the
model, shifted, spread, jittered, or from the model with other shares of its two modes.  The last is what no
test by a score sees well, and is where the others win clearly.  Where a distribution function is known,
take it; where only a score is, as in several features, the Stein test is what is left.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import kstest

import convexscore as cs

LEVEL, N = 0.05, 100
# The point of the Anderson-Darling statistic's limit law that 5 % are above, for a law that is given.
CRITICAL = 2.492

eruptions = cs.datasets.load_old_faithful()["eruptions"]
order = np.random.default_rng(0).permutation(eruptions.size)
# The data are rounded to a second: spread them over it, or every test sees the rounding.
spread = np.random.default_rng(1).uniform(-0.5, 0.5, eruptions.size) / 60
train, test = np.split((eruptions + spread)[order], 2)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    solution = cs.solve(train, "auto", skip=True)
print(solution.certificate, *(warning.message for warning in said), sep="\n")
model = solution.density()
# One bandwidth for all samples, so that the test does not depend on them in another way.
gaps = np.abs(train - train[:, None])
BANDWIDTH = float(np.median(gaps[gaps > 0]))


def stein_kernel(x, score, h):
    """The matrix whose mean over pairs is the discrepancy, for k = (1 + r^2 / h^2)^(-1/2)."""
    r, s = (x - x[:, None]) / h, score(x)
    q = 1 / (1 + r**2)
    k, pull = np.sqrt(q), r * q**1.5 / h
    return s * s[:, None] * k + (s - s[:, None]) * pull + (q**1.5 - 3 * r**2 * q**2.5) / h**2


def stein(x, rng, n_signs=200):
    """The p-value of the kernel Stein test."""
    matrix = stein_kernel(x, solution.network, BANDWIDTH)
    np.fill_diagonal(matrix, 0.0)
    signs = rng.choice([-1.0, 1.0], (n_signs, x.size))
    drawn = ((signs @ matrix) * signs).sum(axis=1)
    return (1 + np.sum(drawn >= matrix.sum())) / (1 + n_signs)


def kolmogorov(x, rng):
    return kstest(x, model.cdf).pvalue


def anderson_darling(x):
    x = np.sort(x)
    weights = 2 * np.arange(1, x.size + 1) - 1
    return -x.size - np.mean(weights * (model.logcdf(x) + model.logsf(x)[::-1]))


TESTS = {
    "kernel Stein": lambda x, rng: stein(x, rng) <= LEVEL,
    "Kolmogorov-Smirnov": lambda x, rng: kolmogorov(x, rng) <= LEVEL,
    "Anderson-Darling": lambda x, rng: anderson_darling(x) > CRITICAL,
}


def other_shares(x, rng):
    """Move a third of the long eruptions to the short ones."""
    short, long = x[x < 3.1], x[x >= 3.1]
    moved = rng.random(long.size) < 1 / 3
    return np.concatenate([short, long[~moved], rng.choice(short, moved.sum())])


LAWS = {
    "the model": lambda x, rng: x,
    "shifted by 0.1": lambda x, rng: x + 0.1,
    "spread by 8 %": lambda x, rng: 3.1 + 1.08 * (x - 3.1),
    "jittered by 0.2": lambda x, rng: x + 0.2 * rng.standard_normal(x.size),
    "other shares": other_shares,
}

figure, axes = plt.subplots(1, 2, figsize=(10, 4), width_ratios=(2, 3), layout="constrained")
grid = np.linspace(1, 6, 400)
axes[0].hist(test, bins=25, density=True, color="0.85", label="other half")
axes[0].plot(grid, model.pdf(grid), color="#1f3b57", label="model of one half")
axes[0].set(xlabel="eruption (min)", ylabel="density", title="is the model right?", ylim=(0, 1.35))
axes[0].legend(frameon=False, loc="upper left")
rng = np.random.default_rng(2)
print(f"other half: Stein p {stein(test, rng, 5000):.3f}, Kolmogorov-Smirnov p {kolmogorov(test, rng):.4f}")
print(f"other half: Anderson-Darling statistic {anderson_darling(test):.2f}, 5 % above {CRITICAL}")

rates = {name: [] for name in TESTS}
for label, law in LAWS.items():
    n_samples = 1000 if label == "the model" else 300
    samples = [law(x, rng) for x in model.sample(n_samples * N, rng=rng).reshape(-1, N)]
    for name, rejects in TESTS.items():
        rates[name].append(np.mean([rejects(x, rng) for x in samples]))
for k, ((name, found), color) in enumerate(
    zip(rates.items(), ("#1f3b57", "#c8553d", "#d9a441"), strict=True)
):
    print(f"{name:18}", ", ".join(f"{label} {rate:.3f}" for label, rate in zip(LAWS, found, strict=True)))
    axes[1].bar(np.arange(len(LAWS)) + (k - 1) * 0.26, found, 0.25, color=color, label=name)
axes[1].axhline(LEVEL, color="black", ls=":", lw=1)
axes[1].set_xticks(range(len(LAWS)), [label.replace(" ", "\n", 1) for label in LAWS])
axes[1].set(title="share of 100-point samples rejected at 5 %", ylim=(0, 1))
axes[1].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("stein_test.png", dpi=120)

# The matrix is that of the package, and what is said above, loosely.
matrix = stein_kernel(test, solution.network, BANDWIDTH)
whole = cs.diagnostics.kernel_stein_discrepancy(test, solution.network, BANDWIDTH, statistic="v")
assert np.isclose(matrix.mean(), whole)
level, shifted, shares = ({name: found[k] for name, found in rates.items()} for k in (0, 1, 4))
assert all(0.02 < rate < 0.09 for rate in level.values())
assert shifted["kernel Stein"] > 1.3 * max(shifted["Kolmogorov-Smirnov"], shifted["Anderson-Darling"])
assert shares["kernel Stein"] < 0.4 * min(shares["Kolmogorov-Smirnov"], shares["Anderson-Darling"])
assert kolmogorov(test, rng) < 0.001 < 0.02 < stein(test, rng, 5000)
