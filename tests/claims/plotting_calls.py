"""Figures, with right arguments."""

import convexscore as cs

X = [0.0, 1.0, 3.0, 3.5]
PLANE = [[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]]
SOLUTION = cs.solve(X, 1.5, skip=True)
PATH = cs.regularization_path(X, skip=True)
TRAINED = cs.baselines.train_adam(cs.ScoreMatching(X), 1.5, n_epochs=2, n_trials=2, rng=0)
#: Arguments that are functions, of every call or of one.
FUNCTIONS = {"estimator", "plot_score.network", "plot_fit.network", "plot_fit on axes.network"}


def calls(ax, pair):
    """Calls of every function, on these axes or this pair of them."""
    plotting = cs.plotting
    shown = {"label": "x", "title": "title"}
    on, display = {"ax": ax}, plotting.ScoreDisplay
    return {
        "plot_score": (
            plotting.plot_score,
            {"network": SOLUTION.network, "data": X, "support": (-9.0, 9.0), **shown, **on},
        ),
        "plot_density": (plotting.plot_density, {"density": SOLUTION.density(), "data": X, **shown, **on}),
        "plot_score with bands": (plotting.plot_score, {"network": SOLUTION, "band": 0.9, **on}),
        "plot_density with bands": (plotting.plot_density, {"density": SOLUTION, "band": 0.9, **on}),
        "plot_fit": (
            plotting.plot_fit,
            {"network": SOLUTION.network, "data": X, "support": (-9.0, 9.0), **shown, "axes": pair},
        ),
        "plot_fit on axes": (plotting.plot_fit, {"network": SOLUTION, **shown, **on}),
        "plot_field": (plotting.plot_field, {"score": lambda x: -x, "X": PLANE, "title": "title", **on}),
        "plot_certificate": (plotting.plot_certificate, {"solution": SOLUTION, "title": "title", **on}),
        "plot_path": (plotting.plot_path, {"path": PATH, "title": "title", **on}),
        "plot_training": (
            plotting.plot_training,
            {"result": TRAINED, "solution": SOLUTION, "title": "title", **on},
        ),
        "plot_samples": (plotting.plot_samples, {"samples": X, "data": X, **shown, **on}),
        "display": (display, {"points": X, "scores": X, "data": X, "label": "x"}),
        "display.from_estimator": (
            display.from_estimator,
            {"estimator": SOLUTION.network, "X": X, "grid_resolution": 5, **shown, **on},
        ),
        "display.from_predictions": (display.from_predictions, {"X": X, "scores": X, **shown, **on}),
        "display.plot": (display(X, X).plot, {"title": "title", **on}),
    }
