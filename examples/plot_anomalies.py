"""
Which of these are not like the others?
=======================================

You have measurements of what is normal, and want a number that says how odd a new one is.

Run: ``python examples/plot_anomalies.py`` (writes anomalies.png)

A density answers: what has little of it is odd, and its score points back to what is normal.  A pooled
score has one for one or two columns; for more, the sum of the columns' log-densities, which takes them for
independent, is the usual makeshift.  Rivals, as scikit-learn has them, on standardized data: kernels with a
bandwidth by cross-validation, the isolation forest, the one-class support vector machine, and a Gaussian.
Half of what is normal is for fitting, three times; the rest and all that is odd are ranked.

- Tumours, benign and malignant, by the first two or the first ten of their measurements, none chosen.
- Wines of two growers and of a third, in two principal components of the two: the third's lie between.

In two columns of tumours kernels are as good or slightly better, and in ten the isolation forest is as
good. The pool is ahead where what is normal has two groups and what is odd lies between them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

import convexscore as cs


class Columns:
    """The sum of the log-densities of single columns, as if these were independent."""

    def fit(self, X):
        self.pools = [cs.ConvexScoreEstimator(random_state=0).fit(column[:, None]) for column in X.T]
        return self

    def score_samples(self, X):
        return sum(pool.score_samples(column[:, None]) for pool, column in zip(self.pools, X.T, strict=True))


def pooled(n_features):
    return cs.ConvexScoreEstimator(random_state=0) if n_features <= 2 else Columns()


METHODS = {
    "pooled score": pooled,
    "kernels": lambda d: GridSearchCV(KernelDensity(), {"bandwidth": np.geomspace(0.1, 1.5, 10)}, cv=5),
    "isolation forest": lambda d: IsolationForest(random_state=0),
    "one-class SVM": lambda d: OneClassSVM(nu=0.1),
    "Gaussian": lambda d: EllipticEnvelope(support_fraction=1.0, random_state=0),
}


def problems():
    """Yield name, what is normal and what is not."""
    cancer, wine = load_breast_cancer(), load_wine()
    benign = cancer.target == 1
    yield "tumours, two columns", cancer.data[benign, :2], cancer.data[~benign, :2]
    yield "tumours, ten columns", cancer.data[benign, :10], cancer.data[~benign, :10]
    known = wine.target != 1
    scaler = make_pipeline(StandardScaler(), PCA(2)).fit(wine.data[known])
    plane = scaler.transform(wine.data)
    yield "wines, two components", plane[known], plane[~known]


found = {}
for problem, normal, odd in problems():
    for split in range(3):
        order = np.random.default_rng(split).permutation(len(normal))
        train, test = np.split(normal[order], [len(normal) // 2])
        truth = np.repeat([0, 1], [len(test), len(odd)])
        for name, make in METHODS.items():
            scaler = StandardScaler().fit(train)
            model = make(train.shape[1]).fit(scaler.transform(train))
            best = model.best_estimator_ if hasattr(model, "best_estimator_") else model
            oddness = -best.score_samples(scaler.transform(np.concatenate([test, odd])))
            found.setdefault((problem, name), []).append(roc_auc_score(truth, oddness))
area = {key: float(np.mean(values)) for key, values in found.items()}
for (problem, name), value in area.items():
    print(f"{problem:22} {name:17} area under the ROC curve {value:.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
model = cs.ConvexScoreEstimator(random_state=0).fit(normal)
lines = [np.linspace(c.min() - 1, c.max() + 1, 100) for c in normal.T]
grid = np.stack(np.meshgrid(*lines), axis=-1)
heights = model.score_samples(grid.reshape(-1, 2)).reshape(grid.shape[:2])
levels = np.quantile(model.score_samples(normal), [0.02, 0.1, 0.5])
left.contour(*lines, heights, levels=levels, colors="#1f3b57", linewidths=1, linestyles="-")
left.plot(*normal.T, ".", color="0.5", label="two growers, known")
left.plot(*odd.T, "x", color="#c8553d", ms=4, label="a third, unknown")
oddest = odd[np.argsort(model.score_samples(odd))[:12]]
left.quiver(*oddest.T, *model.score_function(oddest).T, color="#5b9aa0", angles="xy", width=0.005)
left.set(
    xlabel="first component", ylabel="second component", title="98, 90, 50 % of what is normal; way back"
)
left.legend(frameon=False, loc="lower right")
problem_names = list(dict.fromkeys(problem for problem, _ in area))
for k, (name, color) in enumerate(
    zip(METHODS, ("#1f3b57", "#c8553d", "#5b9aa0", "#d9a441", "0.7"), strict=True)
):
    values = [area[problem, name] for problem in problem_names]
    right.bar(np.arange(3) + (k - 2) * 0.16, values, 0.15, color=color, label=name)
right.set_xticks(range(3), [problem.replace(", ", "\n") for problem in problem_names])
right.set(ylim=(0.5, 1.12), title="area under the ROC curve (0.5 is chance)")
right.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("anomalies.png", dpi=120)

# What is said above, loosely.
two, ten, wines = ({name: area[problem, name] for name in METHODS} for problem in problem_names)
assert max(two.values()) - 0.02 < two["pooled score"]
assert abs(two["pooled score"] - two["kernels"]) < 0.02
assert abs(ten["pooled score"] - ten["isolation forest"]) < 0.03
assert wines.pop("pooled score") > max(wines.values()) + 0.02
