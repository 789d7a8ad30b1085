"""Samplers, and laws on a grid, with right arguments."""

import numpy as np

import convexscore as cs
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law

NET = cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]])
MIXTURE = cs.targets.GaussianMixture([0.3, 0.7], [-1.0, 1.0], [0.5, 1.0])
GRID = np.linspace(-6, 6, 61)
LAW = GridLaw(GRID, np.exp(-(GRID**2) / 2))
MORE = {"rng": 0, "dtype": None, "progress": False, "n_jobs": None}
CHAIN = {"x0": [0.0, 1.0], "n_steps": 2, **MORE}

#: Calls with arguments that are right.
CALLS = {
    "GridLaw": (GridLaw, {"points": GRID, "density": LAW.density}),
    "law.expect": (LAW.expect, {"values": GRID}),
    "law.push": (LAW.push, {"means": 0.5 * GRID, "scale": 0.5}),
    "law.kl": (LAW.kl, {"other": LAW}),
    "law.tv": (LAW.tv, {"other": LAW}),
    "law.w2": (LAW.w2, {"other": LAW}),
    "law.of": (GridLaw.of, {"logpdf": MIXTURE.logpdf, "points": GRID}),
    "langevin_law": (
        langevin_law,
        {"law": LAW, "score": NET, "step_size": 0.1, "n_steps": 2, "average": True},
    ),
    "reverse_law": (
        reverse_law,
        {"score": MIXTURE.score, "sigmas": [2.0, 1.0], "points": GRID, "rule": "frozen"},
    ),
    "langevin": (
        cs.samplers.langevin,
        {"score": NET, "step_size": 0.1, "keep_every": 1, "support": (-9.0, 9.0), **CHAIN},
    ),
    "underdamped": (
        cs.samplers.underdamped,
        {
            "score": NET,
            "step_size": 0.1,
            "friction": 1.0,
            "keep_every": 1,
            "support": (-9.0, 9.0),
            **CHAIN,
        },
    ),
    "mala": (
        cs.samplers.mala,
        {
            "score": MIXTURE.score,
            "logpdf": MIXTURE.logpdf,
            "x0": [0.0, 1.0],
            "step_size": 0.1,
            "n_steps": 2,
            "rng": 0,
            "dtype": None,
            "support": (-9.0, 9.0),
            "return_acceptance": True,
            "keep_every": 1,
            "progress": False,
        },
    ),
    "annealed_langevin": (
        cs.samplers.annealed_langevin,
        {
            "score": MIXTURE.score,
            "sigmas": [2.0, 1.0],
            "r": 0.1,
            "denoise": True,
            "keep_levels": True,
            **CHAIN,
        },
    ),
    "reverse": (
        cs.samplers.reverse,
        {
            "score": MIXTURE.score,
            "sigmas": [2.0, 1.0],
            "n": 2,
            "d": None,
            "rule": "frozen",
            "x0": [0.0, 1.0],
            "denoise": True,
            "keep_levels": True,
            **MORE,
        },
    ),
    "joint": (
        cs.samplers.joint,
        {
            "score": MIXTURE.score,
            "sigma": 1.0,
            "m": 2,
            "n": 2,
            "d": None,
            "n_steps": 2,
            "measurements": True,
            "center": 0.0,
            **MORE,
        },
    ),
    "sequential": (
        cs.samplers.sequential,
        {
            "score": MIXTURE.score,
            "sigma": 1.0,
            "m": 2,
            "n": 2,
            "d": None,
            "inner_steps": 2,
            "first_steps": 2,
            "trajectory": True,
            "center": 0.0,
            **MORE,
        },
    ),
    "sigma_grid": (
        cs.samplers.sigma_grid,
        {"sigma_max": 2.0, "sigma_min": 1.0, "n_levels": 3, "kind": "log"},
    ),
}
