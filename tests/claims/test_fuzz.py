"""Wrong arguments in every position of everything public: an error that names what is wrong, and no other.

`CONVEXSCORE_FUZZ=2000` tries as many calls of each function, at random.
"""

import inspect
import os
import re
import warnings
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import convexscore as cs
from convexscore.activations import Activation
from convexscore.samplers.grid import GridLaw

LONG = int(os.environ.get("CONVEXSCORE_FUZZ", "0"))
SLOW = [HealthCheck.too_slow]
OWN = (cs.SolverError, cs.UnboundedError, cs.NotNormalizableError, cs.ConvergenceError)
# What an error says: the argument, or several, and what was expected of it.
NAMED = re.compile(r"[\w, ]+: (expected|solver .* does not know)")

X = [0.0, 1.0, 3.0, 3.5]
PLANE = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]])
NET = cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]])
NET2 = cs.TwoLayerNetwork(np.eye(2), [0.0, 1.0], -np.eye(2), [0.0, 0.5], -np.eye(2))
GATED = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])
MIXTURE = cs.targets.GaussianMixture([0.3, 0.7], [-1.0, 1.0], [0.5, 1.0])
BANANA = cs.targets.Banana()
SM, DSM = cs.ScoreMatching(X), cs.DenoisingScoreMatching(X, [1.0, 0.0, 2.0, 1.0])
SM2 = cs.ScoreMatching(PLANE)
EXPECTED = cs.ExpectedDenoising(X, 0.5)
LINES = [cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[v]]) for v in (-0.2, -0.5)]
LEVELS = cs.NoiseConditionalScore([2.0, 1.0], LINES)
PATH = cs.regularization_path(SM, skip=True)
PATTERNS = cs.enumerate_patterns(PLANE, bias=True)
CONE = PATTERNS.cone(0)
DENSITY = cs.ScoreDensity(LINES[0])
POOLED = cs.PooledScore.fit(np.arange(12.0) ** 2, members=("network",), rng=0)
GRID = np.linspace(-6, 6, 61)
LAW = GridLaw(GRID, np.exp(-(GRID**2) / 2))
WEIGHTS = {"W1": [[1.0]], "b1": [0.0], "W2": [[1.0]], "b2": [0.0], "V": [[-1.0]], "activation": "relu"}
GATES = {"gates": [[1.0]], "gate_offsets": [0.0]}
SOLVE = {"beta": 4.0, "activation": "relu", "skip": True, "bias": True, "gated": False, "patterns": None}
SOLVE |= {"penalty": "nuclear", "shape": None, "refit": False, "solver": "auto", "tol": 1e-6}
ADAM = {"beta": 2.0, "activation": "relu", "skip": True, "bias": True, "n_neurons": 3, "n_epochs": 2}
ADAM |= {"n_trials": 1, "schedule": "constant", "rng": 0, "keep_best": False}
CHAIN = {"x0": [0.0, 1.0], "rng": 0, "dtype": None}
MEAN = [[1.0], [2.0]]

#: Everything public, with arguments that are right.
CALLS = {
    "ScoreMatching": (cs.ScoreMatching, {"X": X, "sample_weight": [1.0, 2.0, 0.0, 1.0]}),
    "DenoisingScoreMatching": (
        cs.DenoisingScoreMatching,
        {"X": X, "targets": X, "sample_weight": [1.0, 2.0, 0.0, 1.0]},
    ),
    "from_clean": (
        cs.DenoisingScoreMatching.from_clean,
        {"X": X, "noise_level": 0.5, "n_draws": 2, "rng": 0},
    ),
    "expected": (
        cs.DenoisingScoreMatching.expected,
        {"X": X, "noise_level": 0.5, "sample_weight": [1.0, 2.0, 0.0, 1.0]},
    ),
    "sm.loss": (SM.loss, {"score": NET, "divergence": NET.divergence}),
    "dsm.loss": (DSM.loss, {"score": NET}),
    "expected.loss": (EXPECTED.loss, {"score": NET}),
    "TwoLayerNetwork": (cs.TwoLayerNetwork, {**WEIGHTS, "right_derivative": [True]}),
    "GatedNetwork": (cs.GatedNetwork, {**WEIGHTS, **GATES}),
    "Activation": (Activation, {"name": "leaky", "left_slope": 0.1}),
    "activation.value": (Activation("leaky", 0.1).value, {"t": X}),
    "net": (NET, {"x": X}),
    "net.jacobian": (NET.jacobian, {"x": X}),
    "net.divergence": (NET.divergence, {"x": X}),
    "net.loss": (NET.loss, {"objective": SM, "beta": 1.0}),
    "net.shifted": (NET.shifted, {"eta": 1e-6}),
    "net2": (NET2, {"x": PLANE}),
    "net2.jacobian": (NET2.jacobian, {"x": PLANE}),
    "net2.divergence": (NET2.divergence, {"x": PLANE}),
    "net2.loss": (NET2.loss, {"objective": SM2, "beta": 1.0}),
    "gated": (GATED, {"x": X}),
    "gated.jacobian": (GATED.jacobian, {"x": X}),
    "gated.divergence": (GATED.divergence, {"x": X}),
    "gated.loss": (GATED.loss, {"objective": SM, "beta": 1.0}),
    "solve": (cs.solve, {"objective": SM, **SOLVE}),
    "solve_dsm": (cs.solve, {"objective": DSM, **SOLVE, "solver": "active_set", "max_iterations": 50}),
    "solve_expected": (cs.solve, {"objective": EXPECTED, "beta": 4.0, "skip": True, "tol": 1e-6}),
    "solve_plane": (cs.solve, {"objective": SM2, **SOLVE, "start": NET2}),
    "solve_gated": (
        cs.solve,
        {"objective": SM2, **SOLVE, "beta": 30.0, "gated": True, "patterns": PATTERNS},
    ),
    "solve_ridge": (
        cs.solve,
        {
            "objective": cs.DenoisingScoreMatching(PLANE, PLANE),
            "beta": 3.0,
            "gated": True,
            "penalty": "ridge",
        },
    ),
    "beta_bounds": (
        cs.beta_bounds,
        {"objective": SM, "activation": "relu", "skip": True, "bias": True, "gated": False, "patterns": None},
    ),
    "regularization_path": (
        cs.regularization_path,
        {"objective": SM, "activation": "relu", "skip": True, "betas": [4.0, 3.0]},
    ),
    "regularization_path_exact": (
        cs.regularization_path,
        {"objective": DSM, "activation": "relu", "skip": True, "beta_min": 1.0, "max_pieces": 100},
    ),
    "select_beta": (
        cs.select_beta,
        {
            "objective": SM,
            "method": "bootstrap",
            "rng": 0,
            "activation": "relu",
            "skip": True,
            "bias": True,
            "confidence": 0.9,
            "share": 0.5,
            "n_replicates": 2,
            "n_iterations": 1,
        },
    ),
    "select_beta_cv": (
        cs.select_beta,
        {"objective": np.arange(12.0) ** 2, "method": "cv", "rng": 0, "n_folds": 2},
    ),
    "path.solution": (PATH.solution, {"beta": float(PATH.betas[0])}),
    "path.network": (PATH.network, {"beta": float(PATH.betas[0])}),
    "path.solutions": (PATH.solutions, {"betas": PATH.betas[:2]}),
    "count_patterns": (cs.count_patterns, {"X": PLANE, "bias": True}),
    "pattern_count": (cs.pattern_count, {"n": 4, "rank": 2}),
    "enumerate_patterns": (
        cs.enumerate_patterns,
        {"X": PLANE, "bias": True, "closed": False, "max_patterns": 100, "n_jobs": 1},
    ),
    "iter_patterns": (
        lambda **arguments: list(cs.iter_patterns(**arguments)),
        {"X": PLANE, "bias": True, "block_size": 10, "n_jobs": 1},
    ),
    "sample_patterns": (cs.sample_patterns, {"X": PLANE, "n_samples": 10, "bias": True, "rng": 0}),
    "Cone": (cs.Cone, {"normals": PLANE}),
    "cone.contains": (CONE.contains, {"u": [1.0, 0.0, 0.0], "tol": 0.0}),
    "patterns.cone": (PATTERNS.cone, {"j": 0}),
    "NoiseConditionalScore": (cs.NoiseConditionalScore, {"sigmas": [2.0, 1.0], "networks": LINES}),
    "levels": (LEVELS, {"y": X, "sigma": 1.5}),
    "levels.at_level": (LEVELS.at_level, {"sigma": 1.5}),
    "levels.fit": (
        cs.NoiseConditionalScore.fit,
        {
            "X": X,
            "sigmas": [2.0, 1.0],
            "beta": 8.0,
            "n_draws": 2,
            "activation": "relu",
            "skip": True,
            "rng": 0,
            "bias": True,
            "gated": False,
            "patterns": None,
            "penalty": "nuclear",
            "shape": None,
            "solver": "auto",
        },
    ),
    "ScoreDensity": (cs.ScoreDensity, {"network": LINES[0]}),
    **{
        f"density.{name}": (getattr(DENSITY, name), {"x": X})
        for name in ("logpdf", "pdf", "cdf", "sf", "logsf")
    },
    "PooledScore": (cs.PooledScore, {"members": POOLED.members}),
    "pooled.fit": (
        cs.PooledScore.fit,
        {"X": np.arange(8.0), "members": ["line"], "rng": 0, "sample_weight": np.ones(8)},
    ),
    "pooled": (POOLED, {"x": X}),
    **{
        f"pooled.{name}": (getattr(POOLED, name), {"x": X})
        for name in ("logpdf", "pdf", "logcdf", "logsf", "cdf", "sf")
    },
    "pooled.icdf": (POOLED.icdf, {"q": [0.1, 0.9]}),
    "pooled.sample": (POOLED.sample, {"n": 3, "rng": 0}),
    "density.icdf": (DENSITY.icdf, {"q": [0.1, 0.9]}),
    "density.sample": (DENSITY.sample, {"n": 3, "rng": 0}),
    "vp": (cs.vp, {"score": MIXTURE.score}),
    "vp()": (cs.vp(MIXTURE.score), {"z": X, "t": 0.5}),
    "ve": (cs.ve, {"score": MIXTURE.score}),
    "ve()": (cs.ve(cs.vp(MIXTURE.score)), {"y": X, "sigma": 0.5}),
    "from_denoiser": (cs.from_denoiser, {"denoiser": MIXTURE.denoise}),
    "from_denoiser()": (cs.from_denoiser(MIXTURE.denoise), {"y": X, "sigma": 0.5}),
    "to_denoiser": (cs.to_denoiser, {"score": MIXTURE.score}),
    "to_denoiser()": (cs.to_denoiser(MIXTURE.score), {"y": X, "sigma": 0.5}),
    "posterior_covariance": (cs.posterior_covariance, {"jacobian": [-0.5], "sigma": 1.0}),
    "denoise_many": (cs.denoise_many, {"score": MIXTURE.score, "Y": MEAN, "sigma": 1.0}),
    "train_adam": (
        cs.baselines.train_adam,
        {
            "objective": SM,
            **ADAM,
            "learning_rate": 0.1,
            "batch_size": 2,
            "initial": None,
            "keep_losses": True,
        },
    ),
    "tune_adam": (cs.baselines.tune_adam, {"objective": SM2, **ADAM, "learning_rates": [0.1, 0.01]}),
    "GaussianMixture": (
        cs.targets.GaussianMixture,
        {"weights": [0.3, 0.7], "means": [-1.0, 1.0], "scales": 1.0},
    ),
    **{
        f"mixture.{name}": (getattr(MIXTURE, name), {"x" if name == "logpdf" else "y": X, "sigma": 0.5})
        for name in ("logpdf", "score", "jacobian", "divergence", "denoise", "covariance")
    },
    "mixture.sample": (MIXTURE.sample, {"n": 3, "rng": 0, "sigma": 0.5}),
    "Banana": (cs.targets.Banana, {"length": 2.0, "curvature": 0.25, "width": 0.5}),
    **{f"banana.{name}": (getattr(BANANA, name), {"x": PLANE}) for name in ("logpdf", "score", "divergence")},
    "banana.sample": (BANANA.sample, {"n": 3, "rng": 0}),
    "ring": (cs.targets.ring, {"n_modes": 3, "radius": 2.0, "scale": 0.2}),
    "moons": (cs.targets.moons, {"scale": 0.1, "radius": 1.0}),
    "GridLaw": (GridLaw, {"points": GRID, "density": LAW.density}),
    "law.expect": (LAW.expect, {"values": GRID}),
    "law.push": (LAW.push, {"means": 0.5 * GRID, "scale": 0.5}),
    "law.kl": (LAW.kl, {"other": LAW}),
    "langevin": (cs.samplers.langevin, {"score": NET, "step_size": 0.1, "n_steps": 2, **CHAIN}),
    "underdamped": (
        cs.samplers.underdamped,
        {"score": NET, "step_size": 0.1, "n_steps": 2, "friction": 1.0, **CHAIN},
    ),
    "mala": (
        cs.samplers.mala,
        {"score": MIXTURE.score, "logpdf": MIXTURE.logpdf, "step_size": 0.1, "n_steps": 2, **CHAIN},
    ),
    "annealed_langevin": (
        cs.samplers.annealed_langevin,
        {"score": MIXTURE.score, "sigmas": [2.0, 1.0], "r": 0.1, "n_steps": 2, **CHAIN},
    ),
    "reverse": (
        cs.samplers.reverse,
        {"score": MIXTURE.score, "sigmas": [2.0, 1.0], "n": 2, "d": None, "rng": 0, "rule": "frozen"},
    ),
    "sequential": (
        cs.samplers.sequential,
        {"score": MIXTURE.score, "sigma": 1.0, "m": 2, "n": 2, "d": None, "rng": 0, "first_steps": 2},
    ),
    "sigma_grid": (
        cs.samplers.sigma_grid,
        {"sigma_max": 2.0, "sigma_min": 1.0, "n_levels": 3, "kind": "log"},
    ),
    "langevin_kl": (
        cs.theory.langevin_kl,
        {"lipschitz": 1.0, "d": 1, "w2": 1.0, "step_size": 0.1, "n_steps": 5},
    ),
    "langevin_bound": (cs.theory.langevin_bound, {"lipschitz": 1.0, "d": 1, "w2": 1.0, "kl": 0.1}),
    "ddpm_tv": (
        cs.theory.ddpm_tv,
        {"kl0": 1.0, "T": 1.0, "h": 0.1, "L": 1.0, "d": 1, "m2": 1.0, "eps": 0.1, "strict": False},
    ),
    "girsanov_kl": (
        cs.theory.girsanov_kl,
        {"ts": [2.0, 1.0], "fisher": np.ones_like, "kl_T": 0.1, "err": 0.0, "cross": 0.0, "rule": "frozen"},
    ),
    "multimeasurement_w2": (cs.theory.multimeasurement_w2, {"sigma": 1.0, "m": 2, "d": 1}),
    "is_log_concave_chain": (cs.theory.is_log_concave_chain, {"score": LEVELS, "sigma": 1.5, "m": 1}),
    "fisher_divergence": (
        cs.diagnostics.fisher_divergence,
        {"score": NET, "other": MIXTURE.score, "X": X},
    ),
    "kernel_stein_discrepancy": (
        cs.diagnostics.kernel_stein_discrepancy,
        {"X": X, "score": NET, "bandwidth": 1.0, "kernel": "imq", "statistic": "u"},
    ),
    "mmd": (cs.diagnostics.mmd, {"X": X, "Y": X, "bandwidth": 1.0}),
    "mode_fractions": (cs.diagnostics.mode_fractions, {"X": X, "modes": [0.0, 3.0], "max_distance": 1.0}),
    "sliced_wasserstein": (
        cs.diagnostics.sliced_wasserstein,
        {"X": PLANE, "Y": PLANE, "n_projections": 3, "p": 2.0, "rng": 0},
    ),
    "wasserstein": (cs.diagnostics.wasserstein, {"x": X, "y": X, "p": 1.0}),
}
# Arguments that are functions: whatever a wrong function raises is its own.
FUNCTIONS = {"score", "other", "logpdf", "denoiser", "divergence", "fisher"}
#: Faults that are known: (call, argument), and which of the wrong ones, all if none are named.
KNOWN = {
    # Squares of the weight decay and of the tolerance overflow; the kernel's SVD does not converge.
    ("solve_plane", "beta"): {"large"},
    ("solve_gated", "beta"): {"large"},
    ("solve_gated", "tol"): {"large"},
    ("solve_ridge", "beta"): {"least"},
    ("solve_ridge", "objective"): {"largest"},
    # Densities take any network; samplers, diagnostics and bounds any score, and squares overflow.
    ("ScoreDensity", "network"): (),
    ("law.kl", "other"): (),
    **{
        (name, argument): ()
        for name in ("langevin", "underdamped", "mala", "annealed_langevin", "reverse", "sequential")
        for argument in ("score", "logpdf", "x0", "rng", "dtype")
    },
    ("sequential", "sigma"): {"large"},
    ("girsanov_kl", "fisher"): (),
    ("is_log_concave_chain", "score"): (),
    ("fisher_divergence", "score"): (),
    ("fisher_divergence", "other"): (),
    ("kernel_stein_discrepancy", "score"): (),
    ("kernel_stein_discrepancy", "bandwidth"): {"large"},
}


class Odd:
    """Has no repr, no length, and is no array."""

    def __repr__(self):
        raise RuntimeError("no repr")

    def __array__(self, *_, **__):
        raise RuntimeError("no array")


WRONG = {
    "none": None,
    "true": True,
    "minus one": -1,
    "zero": 0,
    "half": 1.5,
    "nan": np.nan,
    "infinity": np.inf,
    "large": 1e200,
    "small": 1e-200,
    "least": 5e-324,
    "no float": 10**400,
    "no text": 10**5000,
    "complex": 1j,
    "word": "a",
    "digits": "1",
    "bytes": b"1",
    "date": date(2020, 1, 1),
    "list": [],
    "dict": {},
    "set": {1.0},
    "ragged": [[1.0, 2.0], [3.0]],
    "words": ["1", "2", "3", "4"],
    "nothing in it": [None, 1.0],
    "object": object(),
    "odd": Odd(),
    "class": cs.ScoreMatching,
    "function": lambda *_: "a",
    "raises": len,
    "objects": np.array([1, None], dtype=object),
    "masked": np.ma.array([0.0, 1.0, 2.0, 3.0], mask=[0, 0, 0, 1]),
    "numbers": np.array([0.0, 1.0, 2.0]),
    "complexes": np.ones(4) * 1j,
    "dates": np.array(["2020-01-01"] * 4, dtype="datetime64[D]"),
    "flags": np.array([True, False, True, True]),
    "matrix": np.ones((4, 2)),
    "tensor": np.ones((2, 2, 2)),
    "empty": np.zeros((0, 2)),
    "nans": np.full(4, np.nan),
    "largest": np.array([0.0, 1e300, -1e300, 3.0]),
    "structured": np.zeros(4, dtype="i4,f8"),
    "scalar": np.array(2.0),
    "generator": np.random.default_rng,
    "network": NET2,
    "objective": DSM,
    "patterns": PATTERNS,
}


def is_function(replacement):
    argument, kind = replacement
    return argument in FUNCTIONS and callable(WRONG[kind])


def is_known(name, argument, kind):
    kinds = KNOWN.get((name, argument))
    return kinds is not None and (not kinds or kind in kinds)


def is_right(error):
    if isinstance(error, OWN):
        return True
    named = isinstance(error, (ValueError, TypeError)) and NAMED.match(str(error))
    return named and not isinstance(error, (np.linalg.LinAlgError, UnicodeError))


def try_call(name, replaced):
    """Call with some arguments replaced; return the error if it is one that must not be."""
    function, right = CALLS[name]
    arguments = {**right, **{argument: WRONG[kind] for argument, kind in replaced.items()}}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            function(**arguments)
        except Exception as error:
            if any(map(is_function, replaced.items())) or is_right(error):
                return None
            return error
    return None


@pytest.mark.parametrize("name", CALLS)
def test_right_arguments_are_accepted_and_not_changed(name):
    function, right = CALLS[name]
    numbers = {key: np.array(value) for key, value in right.items() if isinstance(value, (list, np.ndarray))}
    for array in numbers.values():
        array.setflags(write=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        function(**right)
        function(**right | {key: array for key, array in numbers.items() if array.dtype != object})


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=LONG or 25, derandomize=not LONG, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_wrong_arguments_are_named(name, data):
    arguments = st.sampled_from(sorted(CALLS[name][1]))
    replaced = data.draw(st.dictionaries(arguments, st.sampled_from(sorted(WRONG)), min_size=1, max_size=2))
    if not any(is_known(name, *one) for one in replaced.items()):
        error = try_call(name, replaced)
        assert error is None, f"{name}({replaced}): {type(error).__name__}: {error}"


@pytest.mark.parametrize("name", CALLS)
def test_each_wrong_argument_is_named(name):
    for argument in CALLS[name][1]:
        for kind in WRONG:
            if not is_known(name, argument, kind):
                error = try_call(name, {argument: kind})
                assert error is None, f"{name}({argument}={kind}): {type(error).__name__}: {error}"


def test_everything_public_is_called():
    functions = {inspect.unwrap(function) for function, _ in CALLS.values()}
    names = {getattr(function, "__name__", "") for function in functions} | set(CALLS)
    for module in (cs, cs.theory, cs.diagnostics, cs.samplers, cs.targets, cs.baselines):
        for public in module.__all__:
            thing = getattr(module, public)
            made_by_us = {"Solution", "SolveStats", "Certificate", "BetaBounds", "Path", "Patterns"}
            made_by_us |= {"LangevinBound", "ReverseBound", "AdamResult", "ExpectedDenoising", "PooledMember"}
            if callable(thing) and public not in made_by_us and not isinstance(thing, type(Warning)):
                assert public in names, public
