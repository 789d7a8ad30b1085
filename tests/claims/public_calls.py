"""Everything public with right arguments: what the fuzz test replaces one after another."""

import functools
import inspect
from importlib.util import find_spec

import numpy as np

import convexscore as cs
from convexscore.activations import Activation, get_activation

from . import baseline_calls, door_calls, plotting_calls, pooling_calls, sampler_calls
from .graphical_calls import GRAPHICAL_CALLS

X = [0.0, 1.0, 3.0, 3.5]
PLANE = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]])
NET = cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]])
NET2 = cs.TwoLayerNetwork(np.eye(2), [0.0, 1.0], -np.eye(2), [0.0, 0.5], -np.eye(2))
GATED = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])
TIED = cs.ConservativeNetwork([[1.0, 0.0]], [0.5], [-0.5], [0.0, 0.0], -np.eye(2))
PLANAR = cs.ConservativeDensity(TIED)
MIXTURE = cs.targets.GaussianMixture([0.3, 0.7], [-1.0, 1.0], [0.5, 1.0])
BANANA = cs.targets.Banana()
SM, DSM = cs.ScoreMatching(X), cs.DenoisingScoreMatching(X, [1.0, 0.0, 2.0, 1.0])
SM2 = cs.ScoreMatching(PLANE)
EXPECTED = cs.ExpectedDenoising(X, 0.5)
LINES = [cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[v]]) for v in (-0.2, -0.5)]
LEVELS = cs.NoiseConditionalScore([2.0, 1.0], LINES)
PATH = cs.regularization_path(SM, skip=True)
SOLUTION = cs.solve(X, 1.5, skip=True)
PATTERNS = cs.enumerate_patterns(PLANE, bias=True)
CONE = PATTERNS.cone(0)
DENSITY = cs.ScoreDensity(LINES[0])
WEIGHTS = {"W1": [[1.0]], "b1": [0.0], "W2": [[1.0]], "b2": [0.0], "V": [[-1.0]], "activation": "relu"}
GATES = {"gates": [[1.0]], "gate_offsets": [0.0]}
SOLVE = {"beta": 4.0, "activation": "relu", "skip": True, "bias": True, "gated": False, "patterns": None}
SOLVE |= {"penalty": "nuclear", "shape": None, "refit": False, "solver": "auto", "tol": 1e-6}
ADAM = {"beta": 2.0, "activation": "relu", "skip": True, "bias": True, "n_neurons": 3, "n_epochs": 2}
ADAM |= {"n_trials": 1, "schedule": "constant", "rng": 0, "keep_best": False}
MEAN = [[1.0], [2.0]]

ADAM_RESULT = cs.baselines.train_adam(SM, 2.0, n_neurons=2, n_epochs=1, n_trials=1, rng=0)
SOLUTION = cs.solve(SM, 4.0, skip=True)
FAITHFUL = cs.datasets.load_old_faithful()


WORK = {"progress": False, "verbose": False, "n_jobs": None}


def _parameters(function):
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        # Some classes of exceptions, and functions of C.
        return ()


def listed(function):
    """All that a generator yields: its arguments are looked at only then."""

    @functools.wraps(function)
    def call(**arguments):
        return list(function(**arguments))

    return call


#: Everything public, with arguments that are right.
CALLS = {
    "ScoreMatching": (cs.ScoreMatching, {"X": X, "sample_weight": [1.0, 2.0, 0.0, 1.0]}),
    "ScoreMatching with limits": (
        cs.ScoreMatching,
        {"X": X, "sample_weight": [1.0, 2.0, 0.0, 1.0], "support": (-1.0, 9.0), "boundary_weight": 0.5},
    ),
    "ScoreMatching with another weight": (
        cs.ScoreMatching,
        {
            "X": X,
            "support": (-1.0, 9.0),
            "boundary_weight": (lambda x: (x + 1) * (9 - x), lambda x: 8 - 2 * x),
        },
    ),
    "ScoreMatching in a box": (
        cs.ScoreMatching,
        {"X": PLANE, "support": [(-90.0, 90.0), (-90.0, 90.0)], "boundary_weight": 0.5},
    ),
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
    "ExpectedDenoising": (
        cs.ExpectedDenoising,
        {"X": X, "noise_level": 0.5, "sample_weight": [1.0, 2.0, 0.0, 1.0]},
    ),
    "expected.loss": (EXPECTED.loss, {"score": NET}),
    "TwoLayerNetwork": (cs.TwoLayerNetwork, {**WEIGHTS, "right_derivative": [True]}),
    "GatedNetwork": (cs.GatedNetwork, {**WEIGHTS, **GATES}),
    "Activation": (Activation, {"name": "leaky", "left_slope": 0.1}),
    "activation.value": (Activation("leaky", 0.1).value, {"t": X}),
    "activation.derivative": (Activation("leaky", 0.1).derivative, {"t": X, "right": True}),
    "get_activation": (get_activation, {"activation": "relu"}),
    "net": (NET, {"x": X}),
    "net.jacobian": (NET.jacobian, {"x": X}),
    "net.divergence": (NET.divergence, {"x": X}),
    "net.loss": (NET.loss, {"objective": SM, "beta": 1.0}),
    "net.shifted": (NET.shifted, {"eta": 1e-6}),
    "net.recentred": (NET.recentred, {"origin": [1.0]}),
    "net.weight_decay": (NET.weight_decay, {}),
    "net.save": (NET.save, {"path": "network.npz"}),
    "net.load": (cs.TwoLayerNetwork.load, {"path": "saved.npz"}),
    "net2": (NET2, {"x": PLANE}),
    "net2.jacobian": (NET2.jacobian, {"x": PLANE}),
    "net2.divergence": (NET2.divergence, {"x": PLANE}),
    "net2.loss": (NET2.loss, {"objective": SM2, "beta": 1.0}),
    "gated": (GATED, {"x": X}),
    "gated.jacobian": (GATED.jacobian, {"x": X}),
    "gated.divergence": (GATED.divergence, {"x": X}),
    "gated.loss": (GATED.loss, {"objective": SM, "beta": 1.0}),
    "gated.weight_decay": (GATED.weight_decay, {}),
    "ConservativeNetwork": (
        cs.ConservativeNetwork,
        {
            "directions": [[1.0, 0.0]],
            "offsets": [0.5],
            "coefficients": [-0.5],
            "b2": [0.0, 0.0],
            "S": -np.eye(2),
        },
    ),
    "tied": (TIED, {"x": PLANE}),
    **{
        f"tied.{name}": (getattr(TIED, name), {"x": PLANE})
        for name in ("potential", "jacobian", "divergence")
    },
    "tied.loss": (TIED.loss, {"objective": SM2, "beta": 1.0}),
    "tied.weight_decay": (TIED.weight_decay, {}),
    "tied.save": (TIED.save, {"path": "tied.npz"}),
    "tied.load": (cs.ConservativeNetwork.load, {"path": "saved_tied.npz"}),
    "ConservativeDensity": (cs.ConservativeDensity, {"network": TIED}),
    "ConservativeDensity in a box": (
        cs.ConservativeDensity,
        {"network": TIED, "support": [(-9.0, 9.0), (-9.0, 9.0)]},
    ),
    **{f"planar.{name}": (getattr(PLANAR, name), {"x": PLANE}) for name in ("logpdf", "pdf")},
    "planar.log_ratio": (PLANAR.log_ratio, {"x": PLANE, "y": PLANE}),
    "planar.support": (PLANAR.support, {}),
    "planar.mean": (PLANAR.mean, {}),
    "planar.covariance": (PLANAR.covariance, {}),
    "planar.sample": (PLANAR.sample, {"n": 3, "rng": 0}),
    "gated.save": (GATED.save, {"path": "gated.npz"}),
    "gated.load": (cs.GatedNetwork.load, {"path": "saved_gated.npz"}),
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
    "path.kink_spans": (PATH.kink_spans, {}),
    "solution.density": (SOLUTION.density, {}),
    "solution.sample": (SOLUTION.sample, {"n": 3, "rng": 0}),
    "path.solution": (PATH.solution, {"beta": float(PATH.betas[0])}),
    "path.network": (PATH.network, {"beta": float(PATH.betas[0])}),
    "path.solutions": (PATH.solutions, {"betas": PATH.betas[:2]}),
    "count_patterns": (cs.count_patterns, {"X": PLANE, "bias": True}),
    "pattern_count": (cs.pattern_count, {"n": 4, "rank": 2}),
    "enumerate_patterns": (
        cs.enumerate_patterns,
        {"X": PLANE, "bias": True, "closed": False, "max_patterns": 100, "n_jobs": 1, "progress": False},
    ),
    "iter_patterns": (
        listed(cs.iter_patterns),
        {"X": PLANE, "bias": True, "block_size": 10, "n_jobs": 1},
    ),
    "sample_patterns": (cs.sample_patterns, {"X": PLANE, "n_samples": 10, "bias": True, "rng": 0}),
    "Cone": (cs.Cone, {"normals": PLANE}),
    "cone.contains": (CONE.contains, {"u": [1.0, 0.0, 0.0], "tol": 0.0}),
    "patterns.cone": (PATTERNS.cone, {"j": 0}),
    "patterns.len": (PATTERNS.__len__, {}),
    "certificate.meets": (SOLUTION.certificate.meets, {"tol": 1e-6}),
    "dataset": (FAITHFUL.__getitem__, {"column": "waiting"}),
    "load_old_faithful": (cs.datasets.load_old_faithful, {}),
    "load_galaxies": (cs.datasets.load_galaxies, {}),
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
    "ScoreDensity": (cs.ScoreDensity, {"network": LINES[0], "support": (-1.0, 9.0)}),
    "ScoreDensity of a solution": (cs.ScoreDensity, {"network": SOLUTION.network, "solution": SOLUTION}),
    "density.interval_bands": (
        SOLUTION.density().interval_bands,
        {"level": 0.5, "n_replicates": 9, "rng": 0, "points": X, "probabilities": [0.2, 0.5]},
    ),
    "mode_test": (
        cs.mode_test,
        {"x": X, "n_modes": 1, "n_replicates": 2, "rng": 0, "sample_weight": [1.0, 2.0, 0.0, 1.0]},
    ),
    **{
        f"density.{name}": (getattr(DENSITY, name), {"x": X})
        for name in ("logpdf", "pdf", "cdf", "sf", "logcdf", "logsf")
    },
    **{
        f"density.{name}": (getattr(DENSITY, name), {})
        for name in ("mean", "variance", "std", "entropy", "support")
    },
    "density.expect": (DENSITY.expect, {"function": np.square}),
    "density.icdf": (DENSITY.icdf, {"q": [0.1, 0.9]}),
    "density.interval": (DENSITY.interval, {"confidence": [0.1, 0.9]}),
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
    **GRAPHICAL_CALLS,
}
CALLS |= baseline_calls.CALLS | pooling_calls.CALLS | door_calls.CALLS | sampler_calls.CALLS
for _function, _arguments in CALLS.values():
    # Bars and workers, wherever there are any; `solve` knows its workers by problem.
    _taken = set(_parameters(_function))
    _arguments |= {name: value for name, value in WORK.items() if name in _taken - set(_arguments)}


def cleared(function, **panels):
    """A function that draws on panels of its own figure, which are empty again each time."""

    @functools.wraps(function)
    def call(**arguments):
        for panel in panels["all"]:
            if panel.has_data():
                panel.clear()
        return function(**arguments)

    return call


if find_spec("matplotlib") is not None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")
    UPPER, LOWER = PANELS = tuple(Figure().subplots(2, 1))
    CALLS |= {
        **{
            name: (cleared(function, all=PANELS), arguments)
            for name, (function, arguments) in plotting_calls.calls(UPPER, PANELS).items()
        },
        "path.plot": (cleared(PATH.plot, all=PANELS), {"ax": UPPER}),
    }

#: Arguments that are functions: what a wrong function raises is its own.
FUNCTIONS = {"score", "other", "logpdf", "denoiser", "divergence", "fisher", "function"}
FUNCTIONS |= baseline_calls.FUNCTIONS | plotting_calls.FUNCTIONS

#: What is public and not called, and why.
NOT_CALLED = {
    # Records that the package makes, of numbers that it knows.
    **dict.fromkeys(("Solution", "SolveStats", "Certificate", "BetaBounds", "Path"), "a record"),
    **dict.fromkeys(("Band", "Bands", "ModeTest"), "a record"),
    **dict.fromkeys(("Patterns", "AdamResult", "Dataset"), "a record"),
    **dict.fromkeys(("PooledMember", "PooledMember.of"), "a record"),
    **dict.fromkeys(("ScoreDensity.ppf", "ScoreDensity.rvs"), "icdf and sample by SciPy's names"),
    "TwoLayerNetwork.to_torch": "takes torch, and is tested with it",
    "ConservativeNetwork.to_torch": "the same",
    **baseline_calls.NOT_CALLED,
    **dict.fromkeys(
        ("ConvexScoreEstimator", *(f"ConvexScoreEstimator.{n}" for n in ("fit", "score", "score_function"))),
        "scikit-learn's checks try wrong arguments, of which it makes the errors",
    ),
    **door_calls.NOT_CALLED,
}


def public_names():
    """The qualified names of all public functions, classes and methods."""
    modules = [cs, cs.samplers, cs.theory, cs.diagnostics, cs.targets, cs.baselines, cs.datasets]
    modules += [inspect.getmodule(sampler_calls.GridLaw), inspect.getmodule(Activation)]
    if find_spec("matplotlib") is not None:
        modules.append(cs.plotting)
    things = [getattr(module, name) for module in modules for name in module.__all__]
    for thing in things:
        if inspect.isclass(thing) and not issubclass(thing, (Exception, tuple)):
            yield thing.__qualname__
            yield from (f"{thing.__qualname__}.{name}" for name in _methods(thing))
        elif inspect.isroutine(thing):
            yield thing.__qualname__


def _methods(kind):
    for name, member in vars(kind).items():
        public = not name.startswith("_") or name in ("__call__", "__getitem__", "__len__")
        if public and isinstance(member, (classmethod, staticmethod)) | inspect.isfunction(member):
            yield name


def called_names():
    """The qualified names of what `CALLS` calls."""
    for function, _ in CALLS.values():
        inner = inspect.unwrap(function)
        name = getattr(inner, "__qualname__", f"{type(inner).__qualname__}.__call__")
        yield name
        if inspect.ismethod(inner) and inner.__func__.__qualname__ != name:
            yield inner.__func__.__qualname__
