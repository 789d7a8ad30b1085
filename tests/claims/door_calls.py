"""Doors for parts from outside, with right arguments."""

import numpy as np

import convexscore as cs

from .pooling_calls import POOLED

X = [0.0, 1.0, 3.0, 3.5]
NETWORK = cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]])
GATED = cs.GatedNetwork(
    [[-1.0, 0.0]], [0.0], [[1.0], [0.0]], [0.0, 0.0], np.zeros((2, 2)), gates=[[1.0, 0.0]], gate_offsets=[0.0]
)
PLANE = np.array([[0.5, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]])

SOLUTION = cs.solve(X, 4.0, skip=True)
PROGRAM = cs.univariate_program(X, 4.0)

#: Calls with arguments that are right.
CALLS = {
    "certify": (
        cs.certify,
        {"network": NETWORK, "objective": X, "beta": 4.0, "activation": "relu", "skip": True, "bias": True},
    ),
    "certify gated": (
        cs.certify,
        {"network": GATED, "objective": cs.DenoisingScoreMatching(PLANE, PLANE), "beta": 4.0},
    ),
    "univariate_program": (
        cs.univariate_program,
        {"objective": X, "beta": 4.0, "activation": "relu", "skip": True},
    ),
    "program.solution": (PROGRAM.solution, {"x": np.zeros(PROGRAM.q.size), "tol": 1e-6}),
    **{
        f"{name}.save": (thing.save, {"path": "object.npz"})
        for name, thing in {
            "solution": SOLUTION,
            "density": cs.ScoreDensity(SOLUTION.network),
            "density in the plane": cs.ConservativeDensity(
                cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [0.0, 0.0], -np.eye(2))
            ),
            "pooled": POOLED,
            "levels": cs.NoiseConditionalScore([2.0, 1.0], [NETWORK, NETWORK]),
            "patterns": cs.enumerate_patterns(PLANE),
            "path": cs.regularization_path(X, skip=True),
        }.items()
    },
    "report": (
        cs.report,
        {
            "objective": X,
            "path": "report.html",
            "activation": "relu",
            "skip": True,
            "beta_min": 1.2,
            "betas": None,
            "title": "title",
            "columns": "x",
            "n_folds": 2,
            "rng": 0,
        },
    ),
    "report plane": (
        cs.report,
        {
            "objective": PLANE,
            "path": "report.html",
            "skip": True,
            "beta_min": None,
            "betas": [40.0],
            "columns": ["x", "y"],
            "n_folds": 0,
        },
    ),
    "doors.load": (cs.load, {"path": "saved.npz"}),
    "doors.provenance.load": (cs.provenance, {"path": "saved.npz"}),
}

#: What is public and not called.
NOT_CALLED = {
    "UnivariateMatrices": "a record",
    "GatedNetwork.to_torch": "takes torch, and is tested with it",
    "NoiseConditionalScore.to_torch": "the same",
    **dict.fromkeys(
        (f"{kind}.export_onnx" for kind in ("TwoLayerNetwork", "GatedNetwork", "ConservativeNetwork")),
        "takes onnx, and is tested with it",
    ),
}
