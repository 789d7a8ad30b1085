"""
Fewer and better points from a Markov chain
===========================================

You have run a Markov chain for a posterior, and want forty points that stand for it, or a more precise
mean.

Run: ``python examples/plot_stein_thinning.py`` (writes stein_thinning.png)

Stein thinning chooses points one after another so that their kernel Stein discrepancy is least (Riabiz et
al. 2022); control variates add functions whose mean is zero to what is averaged (Oates, Girolami & Chopin
2017; polynomials of degree two here).  Both need the score of the posterior.  Where gradients of the model
are not to be had, a certified network learned from a pilot chain stands in for it.  The posterior is that
of a classic bioassay (Racine et al. 1986; four doses, twenty animals), known exactly on a grid.  All
figures are of ten pilots and ten chains, which start far out.

Thinning with the learned score is nearly as good as with the true one, better than independent draws, and
leaves the start out without being told.  Control variates with it help the chain's mean, but less than the
pilot's own points do: what a learned score knows of the mean it has from there.  With the true score they
gain a factor of ten.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit, log_expit

import convexscore as cs

DOSE = np.array([-0.86, -0.30, -0.05, 0.73])
DEATHS = np.array([0, 1, 3, 5])
M, N, REPEATS, BETA = 40, 1000, 10, 20.0
START = np.array([-4.0, 45.0])


def log_posterior(x):
    """Logistic regression of deaths among five animals a dose, a flat prior on intercept and slope."""
    eta = x[..., :1] + x[..., 1:] * DOSE
    return (DEATHS * log_expit(eta) + (5 - DEATHS) * log_expit(-eta)).sum(axis=-1)


def true_score(x):
    residual = DEATHS - 5 * expit(x[:, :1] + x[:, 1:] * DOSE)
    return np.column_stack([residual.sum(axis=1), residual @ DOSE])


def chain(n, start, rng, scale=(1.2, 6.0)):
    """A random walk of Metropolis."""
    x, value = np.array(start), log_posterior(np.array(start))
    steps, levels, kept = scale * rng.standard_normal((n, 2)), np.log(rng.random(n)), np.empty((n, 2))
    for k in range(n):
        proposed = x + steps[k]
        new = log_posterior(proposed)
        if levels[k] < new - value:
            x, value = proposed, new
        kept[k] = x
    return kept


def learned_score(pilot):
    """The certified score network of a pilot, and its solution in standard units."""
    middle, spread = pilot.mean(axis=0), np.linalg.cholesky(np.cov(pilot.T))
    standard = np.linalg.solve(spread, (pilot - middle).T).T
    solution = cs.solve(standard, BETA, skip=True)

    def score(x):
        inner = solution.network(np.linalg.solve(spread, (x - middle).T).T)
        return np.linalg.solve(spread.T, inner.T).T

    return score, solution


def stein_thinned(x, score, spread, m=M):
    """Choose points greedily; lengths are measured in units of the posterior."""
    z = np.linalg.solve(spread, x.T).T
    s = score(x) @ spread
    gaps = z[:, None] - z
    q = 1 / (1 + (gaps**2).sum(axis=2))
    pull = np.einsum("ijk,ijk->ij", s[:, None] - s, gaps)
    matrix = s @ s.T * np.sqrt(q) + pull * q**1.5 + 2 * q**1.5 - 3 * (1 - q) * q**1.5
    total, chosen = 0.5 * np.diag(matrix), []
    for _ in range(m):
        chosen.append(int(np.argmin(total)))
        total = total + matrix[chosen[-1]]
    return x[chosen]


def with_control_variates(x, score, values):
    """The mean of values, less what regression on functions of mean zero explains."""
    z, s = (x - x.mean(axis=0)) / x.std(axis=0), score(x) * x.std(axis=0)
    one, two = np.ones(len(x)), z[:, 0] * z[:, 1]
    laplace = np.column_stack([0 * one, 0 * one, 2 * one, 2 * one, 0 * two])
    slope = np.column_stack([s, 2 * z * s, z[:, 0] * s[:, 1] + z[:, 1] * s[:, 0]])
    design = np.column_stack([one, laplace + slope])
    return np.linalg.lstsq(design, values, rcond=None)[0][0]


axes_of_grid = np.linspace(-5, 12, 500), np.linspace(-10, 70, 600)
grid = np.stack(np.meshgrid(*axes_of_grid, indexing="ij"), axis=-1)
mass = np.exp(log_posterior(grid))
mass /= mass.sum()
points, shares = grid.reshape(-1, 2), mass.ravel()
mean = shares @ points
spread = np.linalg.cholesky((points - mean).T * shares @ (points - mean))
reference = points[np.random.default_rng(0).choice(shares.size, 4000, p=shares)]


def standard(x):
    return np.linalg.solve(spread, (x - mean).T).T


distances, errors = {}, {}
for repeat in range(REPEATS):
    rng = np.random.default_rng(100 + repeat)
    pilot = chain(3100, START, rng)[100:]
    output = chain(N, START, rng)
    score, solution = learned_score(pilot[::10])
    steady = output[100:]
    chosen = {
        "every 25th": output[:: N // M],
        "100 left out, every 22nd": steady[:: len(steady) // M][:M],
        "Stein, learned": stein_thinned(output, score, spread),
        "Stein, true score": stein_thinned(output, true_score, spread),
        "independent draws": rng.choice(reference, M),
    }
    for name, kept in chosen.items():
        found = cs.diagnostics.sliced_wasserstein(standard(kept), standard(reference), rng=0)
        distances.setdefault(name, []).append(found)
    means = {
        "chain": steady.mean(axis=0),
        "chain and pilot": np.concatenate([steady, pilot]).mean(axis=0),
        "controls, learned": with_control_variates(steady, score, steady),
        "controls, true score": with_control_variates(steady, true_score, steady),
    }
    for name, found in means.items():
        errors.setdefault(name, []).append(standard(found[None])[0] ** 2)
    assert solution.status == "optimal"
print(solution)
distances = {name: np.mean(found) for name, found in distances.items()}
errors = {name: np.sqrt(np.mean(found)) for name, found in errors.items()}
print("distance of 40 points:", ", ".join(f"{name} {value:.3f}" for name, value in distances.items()))
print("error of the mean:", ", ".join(f"{name} {value:.3f}" for name, value in errors.items()))

figure, (cloud, thinned, means) = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
cloud.contour(
    *axes_of_grid, mass.T, levels=mass.max() * np.array([0.03, 0.2, 0.6]), colors="0.6", linewidths=1
)
cloud.plot(*output.T, color="0.8", lw=0.5, zorder=0)
cloud.plot(*chosen["every 25th"].T, "x", color="#c8553d", ms=5, label="every 25th")
cloud.plot(*chosen["Stein, learned"].T, "o", color="#1f3b57", ms=4, label="Stein, learned")
cloud.set(xlabel="intercept", ylabel="slope", title="posterior, chain, 40 points", xlim=(-5, 8))
cloud.legend(frameon=False, loc="lower right")
for ax, found, title in (
    (thinned, distances, "distance of 40 points"),
    (means, errors, "error of the mean"),
):
    colors = ["#1f3b57" if "learned" in name else "0.7" for name in found]
    bars = ax.barh(list(found), found.values(), color=colors)
    ax.bar_label(bars, fmt=" %.2f")
    ax.set(title=title, xlabel="posterior standard deviations", xlim=(0, 1.2 * max(found.values())))
    ax.invert_yaxis()
for ax in (cloud, thinned, means):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("stein_thinning.png", dpi=120)

# What is said above, loosely.
assert distances["Stein, true score"] < distances["Stein, learned"] < 0.92 * distances["independent draws"]
assert distances["Stein, learned"] < 0.92 * distances["100 left out, every 22nd"] < distances["every 25th"]
assert errors["controls, true score"] < 0.2 * errors["chain"]
assert errors["chain and pilot"] < errors["controls, learned"] < errors["chain"]
