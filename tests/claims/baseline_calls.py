"""The baselines whose course is known, with right arguments."""

import numpy as np

import convexscore as cs

POINTS = np.column_stack([[-1.5, -0.4, 0.2, 0.9], np.ones(4)])
LABELS = [0.5, -1.0, 0.3, 1.2]
DESCENT = cs.baselines.KernelDescent(POINTS, LABELS)
WIDE = cs.baselines.train_ntk_network(POINTS, LABELS, 4, 2, rng=0)
REGRESSION = cs.baselines.DenoisingRegression.from_clean(POINTS, 20, rng=0)
TIMES = [0.2, 0.3, 0.5, 1.0]


def shrink(inputs):
    return 0.5 * inputs[:, :2]


UNROLLED = cs.baselines.UnrolledDenoiser([[0.0, 0.4], [0.4, 0.0]], 2, 3)
SPINS = np.tile([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]], (50, 1))
TRAINED = UNROLLED.fit(SPINS, SPINS, 0.5, n_iterations=1)
LEARNED = cs.baselines.reweighted_least_squares(POINTS, LABELS, 0.2, 3)

#: Calls with arguments that are right.
CALLS = {
    "ntk": (cs.baselines.ntk, {"U": POINTS, "V": POINTS}),
    "KernelDescent": (cs.baselines.KernelDescent, {"X": POINTS, "Y": LABELS, "kernel": cs.baselines.ntk}),
    "descent.predict": (DESCENT.predict, {"X_new": POINTS, "n_steps": [1, 20], "step_size": 0.1}),
    "descent.ridge": (DESCENT.ridge, {"X_new": POINTS, "penalty": 0.1}),
    "descent.stopping_rule": (DESCENT.stopping_rule, {"noise_level": 0.3}),
    "descent.hold_out": (
        DESCENT.hold_out,
        {"X_new": POINTS, "Y_new": LABELS, "step_size": 0.1, "max_steps": 100},
    ),
    "train_ntk_network": (
        cs.baselines.train_ntk_network,
        {"X": POINTS, "Y": LABELS, "width": 4, "n_steps": 2, "step_size": 0.1, "rng": 0},
    ),
    "wide network": (WIDE, {"x": POINTS}),
    "pattern_weights": (cs.baselines.pattern_weights, {"X": POINTS, "bias": True, "n_draws": 5, "rng": 0}),
    "reweighted_least_squares": (
        cs.baselines.reweighted_least_squares,
        {"X": POINTS, "Y": LABELS, "penalty": 0.2, "n_iterations": 3, "bias": False},
    ),
    "learned": (LEARNED, {"x": POINTS}),
    "mixture_objective": (
        cs.baselines.mixture_objective,
        {"means": POINTS[:2], "x": POINTS, "xi": POINTS, "t": 0.5},
    ),
    "fit_mixture": (
        cs.baselines.fit_mixture,
        {
            "X": POINTS,
            "n_components": 3,
            "form": "implicit",
            "start": POINTS[:3],
            "step_size": 0.1,
            "weights": None,
            "rng": 0,
        },
    ),
    "UnrolledDenoiser": (
        cs.baselines.UnrolledDenoiser,
        {"couplings": UNROLLED.couplings, "n_layers": 2, "n_knots": 3, "knots": [-1.0, 0.0, 1.0]},
    ),
    "unrolled": (UNROLLED, {"z": SPINS[:4], "t": 0.5}),
    "unrolled.error_bound": (UNROLLED.error_bound, {"t": 0.5}),
    "unrolled.fit": (
        UNROLLED.fit,
        {"x": SPINS, "z": SPINS, "t": 0.5, "n_iterations": 1, "held_out": 0.2, "rng": 0},
    ),
    "trained": (TRAINED, {"z": SPINS[:4], "t": 0.5}),
    "regression.from_clean": (
        cs.baselines.DenoisingRegression.from_clean,
        {"X": POINTS, "n_samples": 9, "t_min": 0.1, "t_max": 1.0, "radius": 4.0, "ones": True, "rng": 0},
    ),
    "solve_weighted_ridge": (
        cs.solve,
        {
            "objective": cs.DenoisingScoreMatching(POINTS, POINTS),
            "beta": 3.0,
            "gated": True,
            "penalty": "ridge",
            "patterns": np.eye(4, dtype=bool)[[0, 3]],
            "weights": [0.5, 2.0],
        },
    ),
    "regression.features": (REGRESSION.features, {"z": POINTS, "t": TIMES}),
    "regression.denoise": (REGRESSION.denoise, {"predict": shrink, "z": POINTS, "t": TIMES}),
    "regression.score": (REGRESSION.score, {"predict": shrink, "z": POINTS, "t": TIMES}),
}

#: Arguments that are functions.
FUNCTIONS = {"kernel", "predict"}

#: What is public and not called.
NOT_CALLED = dict.fromkeys(
    ("DenoisingRegression", "NTKNetwork", "ReweightedLeastSquares", "TrainedDenoiser"), "a record"
)
