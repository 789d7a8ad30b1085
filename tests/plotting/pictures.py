"""What the tests of figures share: problems of both dimensions, and every figure of them."""

import matplotlib as mpl
import numpy as np

import convexscore as cs
from convexscore import plotting

mpl.use("Agg")

LINE = cs.datasets.load_old_faithful()["eruptions"]
PLANE = cs.targets.ring(n_modes=3, radius=4.0, scale=0.8).sample(40, rng=0)
ON_LINE = cs.solve(LINE, 20.0, skip=True)
BANDS = ON_LINE.density().interval_bands(0.9, 60, rng=0)
IN_PLANE = cs.solve(PLANE, 10.0)
CONSERVATIVE = cs.solve(PLANE, 10.0, skip=True, conservative=True)
TRAINED = cs.baselines.train_adam(cs.ScoreMatching(LINE), 20.0, n_epochs=3, n_trials=3, rng=0)
PATH = cs.regularization_path(LINE, skip=True, beta_min=10.0)

#: Every figure, as a function of axes and a title.
PICTURES = {
    "score": lambda **on: plotting.plot_score(ON_LINE, label="minutes", **on),
    "score in the plane": lambda **on: plotting.plot_score(IN_PLANE.network, PLANE, **on),
    "any score": lambda **on: plotting.plot_score(lambda x: -x, LINE, **on),
    "density": lambda **on: plotting.plot_density(ON_LINE, LINE, **on),
    "score with bands": lambda **on: plotting.plot_score(ON_LINE, band=BANDS, label="minutes", **on),
    "density with bands": lambda **on: plotting.plot_density(ON_LINE, LINE, band=BANDS, **on),
    "density in the plane": lambda **on: plotting.plot_density(CONSERVATIVE, PLANE, **on),
    "density without data": lambda **on: plotting.plot_density(CONSERVATIVE.density(), **on),
    "fit": lambda **on: plotting.plot_fit(ON_LINE, **on),
    "fit in the plane": lambda **on: plotting.plot_fit(CONSERVATIVE, **on),
    "path": lambda **on: plotting.plot_path(PATH, **on),
    "certificate": lambda **on: plotting.plot_certificate(ON_LINE, **on),
    "certificate in the plane": lambda **on: plotting.plot_certificate(IN_PLANE, **on),
    "field": lambda **on: plotting.plot_field(CONSERVATIVE, **on),
    "field of any score": lambda **on: plotting.plot_field(lambda x: -x, PLANE, **on),
    "training": lambda **on: plotting.plot_training(TRAINED, **on),
    "training above the optimum": lambda **on: plotting.plot_training(TRAINED, ON_LINE, **on),
    "samples": lambda **on: plotting.plot_samples(ON_LINE.sample(50, rng=1), LINE, **on),
    "samples in the plane": lambda **on: plotting.plot_samples(PLANE[::-1] + 0.1, PLANE, **on),
    "display": lambda **on: plotting.ScoreDisplay.from_estimator(ON_LINE, LINE, **on).ax_,
    "display in the plane": lambda **on: plotting.ScoreDisplay.from_estimator(IN_PLANE, PLANE, **on).ax_,
    "display of predictions": lambda **on: plotting.ScoreDisplay.from_predictions(PLANE, -PLANE, **on).ax_,
}


def curve(ax, name):
    """The numbers of the line whose label has these words."""
    (line,) = [line for line in ax.lines if name in line.get_label()]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)
