"""
The scikit-learn estimator against kernels
==========================================

Held-out log-likelihood of the eruptions of Old Faithful.

Run: ``python examples/plot_estimator.py [figure.png]``

Half of 272 eruptions are for fitting.  A certified network has its weight decay from a grid search in a
pipeline, kernels their bandwidth from another; the pool has nothing to choose.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import convexscore as cs


def searched(estimator, name, values):
    pipeline = make_pipeline(StandardScaler(), estimator)
    return GridSearchCV(pipeline, {f"{pipeline.steps[-1][0]}__{name}": values}, cv=5)


def main(path="estimator.png"):
    eruptions = cs.datasets.load_old_faithful()["eruptions"][:, None]
    train, test = train_test_split(eruptions, test_size=0.5, random_state=0)
    models = {
        "pool": make_pipeline(StandardScaler(), cs.ConvexScoreEstimator(random_state=0)),
        "certified network": searched(cs.ConvexScoreEstimator("certified"), "beta", np.geomspace(5, 80, 7)),
        "kernels": searched(KernelDensity(), "bandwidth", np.geomspace(0.05, 1, 15)),
    }
    x = np.linspace(1, 6, 400)[:, None]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.hist(test[:, 0], bins=30, density=True, color="0.9")
    # Pipelines give densities of standardized data.
    log_scale = np.log(train.std())
    for name, model in models.items():
        model.fit(train)
        held_out = float(np.mean(model.score_samples(test))) - log_scale
        print(f"{name:18} held-out log-likelihood an eruption {held_out:.3f}")
        axes.plot(x, np.exp(model.score_samples(x) - log_scale), label=f"{name}: {held_out:.3f}")
    axes.set(xlabel="eruption (min)", ylabel="density")
    axes.legend(title="held-out log-likelihood")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
