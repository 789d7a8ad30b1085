"""How good automatic scores are: Fisher divergence and Wasserstein distance against peers.

Fisher divergence E_p (s - s*)^2 on 20000 fresh points; Wasserstein-1 distance between the exact density
of the score (for peers: their density) and the truth, in units of its standard deviation.  Medians over
seeds.  ``convex auto`` is ``solve(..., "auto", skip=True)``, ReLU, nothing tuned; ``convex oracle``
takes the best beta of a grid by the true divergence, which nobody can; the Gaussian mixture is
scikit-learn's, 1 to 8 components by BIC; the kernel estimate uses Silverman's bandwidth or the best of 20
by 5-fold likelihood.
Run: python benchmarks/quality.py [--seeds 5] [--table docs/quality.md]
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

import convexscore as cs


class Mixture:
    """A Gaussian mixture: the truth, and what mixtures and kernel estimates are."""

    def __init__(self, weights, means, scales):
        self.weights, self.means, self.scales = (np.asarray(a, dtype=float) for a in (weights, means, scales))

    def sample(self, n, rng):
        k = rng.choice(len(self.weights), n, p=self.weights)
        return self.means[k] + self.scales[k] * rng.standard_normal(n)

    def score(self, x):
        result = np.empty_like(x)
        for part in np.array_split(np.arange(x.size), max(1, x.size * self.means.size // 4_000_000)):
            z = (x[part, None] - self.means) / self.scales
            log_share = np.log(self.weights / self.scales) - 0.5 * z**2
            share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
            result[part] = -(share * z / self.scales).sum(axis=1) / share.sum(axis=1)
        return result


class Known:
    """A SciPy distribution with its score."""

    def __init__(self, law, score):
        self.law, self.score = law, score

    def sample(self, n, rng):
        return self.law.rvs(n, random_state=rng)


TRUTHS = {
    "normal": Mixture([1], [0], [1]),
    "separated": Mixture([0.5, 0.5], [-3, 3], [1, 1]),
    "overlapping": Mixture([0.5, 0.5], [-1.2, 1.2], [1, 1]),
    "skewed": Mixture([0.75, 0.25], [0, 1.5], [1, 1 / 3]),
    "laplace": Known(stats.laplace(), lambda x: -np.sign(x)),
    "t5": Known(stats.t(5), lambda x: -6 * x / (5 + x**2)),
    "claw": Mixture([0.5] + [0.1] * 5, [0, -1, -0.5, 0, 0.5, 1], [1] + [0.1] * 5),
    "trimodal": Mixture([0.45, 0.45, 0.1], [-1.2, 1.2, 0], [0.6, 0.6, 0.25]),
    "gumbel": Known(stats.gumbel_r(), lambda x: np.exp(-x) - 1),
    "uniform": Known(stats.uniform(), np.zeros_like),
}
#: The default share and confidence of `select_beta` were chosen on these; the others are reported only.
CHOSEN_ON = ("normal", "separated", "overlapping", "skewed", "laplace", "t5", "claw")


def kernel(x, width):
    return Mixture(np.full(x.size, 1 / x.size), x, np.full(x.size, width))


def fit_all(x, rng):
    """Return score and samples of every method."""
    widths = np.geomspace(0.05, 1.5, 20) * x.std() * x.size**-0.2
    search = GridSearchCV(KernelDensity(), {"bandwidth": widths}, cv=5).fit(x[:, None])
    mixtures = [
        GaussianMixture(k, n_init=3, random_state=0).fit(x[:, None]) for k in range(1, 9) if k < x.size // 4
    ]
    best = min(mixtures, key=lambda m: m.bic(x[:, None]))
    spread = np.sqrt(best.covariances_.reshape(-1))
    silverman = 0.9 * min(x.std(), stats.iqr(x) / 1.34) * x.size**-0.2
    peers = {
        "gaussian": Mixture([1], [x.mean()], [x.std()]),
        "kde silverman": kernel(x, silverman),
        "kde cv": kernel(x, search.best_params_["bandwidth"]),
        "mixture bic": Mixture(best.weights_ / best.weights_.sum(), best.means_[:, 0], spread),
    }
    fits = {name: (peer.score, peer.sample(20_000, rng)) for name, peer in peers.items()}
    network = cs.solve(cs.ScoreMatching(x), "auto", skip=True).network
    try:
        samples = cs.ScoreDensity(network).sample(20_000, rng)
    except cs.NotNormalizableError:
        samples = None
    fits["convex auto"] = (network, samples)
    return fits


def oracle(x, fresh, truth):
    objective = cs.ScoreMatching(x)
    bounds = cs.beta_bounds(objective, skip=True)
    grid = np.geomspace(1.1 * bounds.minimum, max(bounds.linear, 2 * bounds.minimum), 25)
    path = cs.regularization_path(objective, skip=True, betas=grid)
    return min(np.mean((solution.network(fresh) - truth) ** 2) for solution in path.solutions())


def measure(name, n, seeds):
    """Return {method: (Fisher divergence, Wasserstein distance)}, medians over seeds."""
    law, found = TRUTHS[name], {}
    fresh = law.sample(20_000, np.random.default_rng(10**6))
    truth = law.score(fresh)
    for seed in range(seeds):
        rng = np.random.default_rng(seed + 100)
        x = law.sample(n, rng)
        for method, (score, samples) in fit_all(x, rng).items():
            far = np.inf if samples is None else stats.wasserstein_distance(samples, fresh) / fresh.std()
            found.setdefault(method, []).append((np.mean((score(fresh) - truth) ** 2), far))
        found.setdefault("convex oracle", []).append((oracle(x, fresh, truth), np.nan))
    return {method: np.median(values, axis=0) for method, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500, 2000])
    parser.add_argument("--table", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    lines, relative, ranks = [], {}, {}
    for name in TRUTHS:
        for n in options.sizes:
            result = measure(name, n, options.seeds)
            if not lines:
                lines = ["| truth | n | " + " | ".join(result) + " |", "|---|---|" + "---|" * len(result)]
            cells = [f"{fisher:.4f} / {far:.3f}".replace(" / nan", "") for fisher, far in result.values()]
            lines.append(f"| {name} | {n} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
            contenders = {m: v[0] for m, v in result.items() if m != "convex oracle"}
            least = min(contenders.values())
            for rank, method in enumerate(sorted(contenders, key=contenders.get), start=1):
                kind = "chosen on" if name in CHOSEN_ON else "held out"
                relative.setdefault((kind, method), []).append(contenders[method] / least)
                ranks.setdefault((kind, method), []).append(rank)
    lines += [
        "",
        "| method | truths | geometric mean of divergence over the best | mean rank |",
        "|---|---|---|---|",
    ]
    for (kind, method), values in sorted(relative.items()):
        mean = np.exp(np.mean(np.log(values)))
        lines.append(f"| {method} | {kind} | {mean:.2f} | {np.mean(ranks[kind, method]):.1f} |")
    print("\n".join(lines[-len(relative) - 2 :]))
    if options.table:
        marker = "<!-- table -->"
        text = options.table.read_text(encoding="utf-8")
        options.table.write_text(text[: text.index(marker) + len(marker)] + "\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
