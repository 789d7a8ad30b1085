"""Objects: arrays that nobody can write to, copies like their originals, pickles for other processes."""

import copy
import dataclasses
import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property, partial
from multiprocessing import get_context
from operator import attrgetter

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.frozen import Frozen, frozen
from convexscore.numerics.gaussian_moments import BlurredData
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.samplers.grid import GridLaw

from . import baseline_calls
from .pooling_calls import PLANAR_POOLED, POOLED

X = [0.0, 1.0, 3.0, 3.5]
PLANE = np.random.default_rng(0).standard_normal((6, 2))
MIXTURE = cs.targets.GaussianMixture([0.3, 0.7], [-1.0, 1.0], [0.5, 1.0])


def network():
    return cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]])


def conditional():
    lines = [cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[v]]) for v in (-0.2, -0.5)]
    return cs.NoiseConditionalScore(np.array([2.0, 1.0]), lines)


MAKERS = {
    "network": network,
    "network_plane": lambda: cs.solve(cs.ScoreMatching(PLANE), 4.0).network,
    "gated": lambda: cs.GatedNetwork(
        [[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0]
    ),
    "conservative": lambda: cs.solve(cs.ScoreMatching(PLANE), 4.0, skip=True, conservative=True).network,
    "planar_density": lambda: cs.ConservativeDensity(
        cs.ConservativeNetwork([[1.0, 0.0]], [0.5], [-0.5], [0.0, 0.0], -np.eye(2))
    ),
    "score_matching": lambda: cs.ScoreMatching(X, [1.0, 2.0, 1.0, 0.0]),
    "score_matching_limits": lambda: cs.ScoreMatching(X, support=(-1.0, None)),
    "denoising": lambda: cs.DenoisingScoreMatching(X, [1.0, 0.0, 2.0, 1.0], sample_weight=[1, 2, 3, 4]),
    "expected": lambda: cs.ExpectedDenoising(X, 0.5, sample_weight=[1.0, 2.0, 1.0, 1.0]),
    "blurred": lambda: cs.ExpectedDenoising(X, 0.5).blurred,
    "patterns": lambda: cs.enumerate_patterns(PLANE, bias=True),
    "patterns_flat": lambda: cs.enumerate_patterns([[0.0, 0.0]]),
    "patterns_closed": lambda: cs.enumerate_patterns([[1.0, 0.0], [0.0, 1.0]], closed=True),
    "patterns_block": lambda: next(cs.iter_patterns(PLANE)),
    "patterns_sampled": lambda: cs.sample_patterns(PLANE, 50, rng=0),
    "cone": lambda: cs.enumerate_patterns(PLANE).cone(0),
    "path": lambda: cs.regularization_path(cs.ScoreMatching(X), skip=True),
    "path_grid": lambda: cs.regularization_path(cs.ScoreMatching(X), skip=True, betas=[3.0, 2.0]),
    "conditional": conditional,
    "piecewise": lambda: network().piecewise,
    "adam": lambda: cs.baselines.train_adam(cs.ScoreMatching(X), 1.5, n_epochs=2, n_trials=2, rng=0),
    "kernel_descent": lambda: baseline_calls.DESCENT,
    "wide_network": lambda: baseline_calls.WIDE,
    "regression": lambda: baseline_calls.REGRESSION,
    "reweighted": lambda: baseline_calls.LEARNED,
    "unrolled": lambda: baseline_calls.UNROLLED,
    "trained": lambda: baseline_calls.TRAINED,
    "mixture": lambda: MIXTURE,
    "banana": cs.targets.Banana,
    "ising": lambda: cs.targets.Ising([[0.0, 0.5], [0.5, 0.0]], [0.1, 0.0]),
    "latent": lambda: cs.targets.LatentIsing([[0.0]], [[0.5]], [[0.0]]),
    "machine": lambda: cs.targets.RestrictedBoltzmannMachine([[0.5]]),
    "sparse_coding": lambda: cs.targets.SparseCoding([[0.5]], [-1.0, 1.0], [0.5, 0.5], 0.3),
    "spin_glass": lambda: cs.targets.SherringtonKirkpatrick([[0.0, 0.5], [0.5, 0.0]], 0.5),
    "synchronization": lambda: cs.targets.Z2Synchronization([[0.0, 0.5], [0.5, 0.0]], 1.5),
    "curie_weiss": lambda: cs.targets.CurieWeiss(3, 0.5),
    "grid_law": lambda: GridLaw(np.linspace(-1, 1, 5), np.ones(5)),
    "dataset": cs.datasets.load_galaxies,
    "density": lambda: cs.ScoreDensity(cs.solve(cs.ScoreMatching(X), 4.0, skip=True).network),
    "bands": lambda: cs.solve(X, 4.0, skip=True).density().interval_bands(rng=0),
    "mode_test": lambda: cs.mode_test(X, 1, 5, rng=0),
    "density_limits": lambda: cs.ScoreDensity(network(), support=(-1.0, 9.0)),
    "pooled": lambda: POOLED,
    "pooled_member": lambda: POOLED.members[0],
    "planar_pooled": lambda: PLANAR_POOLED,
    "planar_pooled_member": lambda: PLANAR_POOLED.members[0],
    "solution": lambda: cs.solve(cs.ScoreMatching(X), 4.0, skip=True),
    "solution_limits": lambda: cs.solve(cs.ScoreMatching(X, support=(-1.0, None)), 4.0, skip=True),
    "bounds": lambda: cs.beta_bounds(cs.ScoreMatching(X)),
    "vp": lambda: cs.vp(MIXTURE.score),
    "ve": lambda: cs.ve(cs.vp(MIXTURE.score)),
    "from_denoiser": lambda: cs.from_denoiser(MIXTURE.denoise),
    "to_denoiser": lambda: cs.to_denoiser(MIXTURE.score),
}
COPIES = {
    "made": lambda thing: thing,
    "copied": copy.copy,
    "deeply": copy.deepcopy,
    **{
        f"pickled{protocol}": lambda thing, protocol=protocol: pickle.loads(pickle.dumps(thing, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}
# Made fresh at every call: writing to it changes nobody else's.
FRESH = {"kinks", "plus_minus", "packed", "mean", "variance", "cov", "weights", "targets"}


def arrays_of(thing):
    """The arrays that an object hands out: its fields and properties, one level into other objects."""
    names = [name for name in dir(thing) if not name.startswith("_")]
    for name in names:
        try:
            value = getattr(thing, name)
        except ValueError:  # what only networks of one feature have
            continue
        if isinstance(value, np.ndarray):
            yield name, value
        elif isinstance(value, Frozen):
            yield from ((f"{name}.{inner}", array) for inner, array in arrays_of(value))


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", MAKERS)
def test_nobody_can_write_to_what_is_handed_out(kind, how):
    thing = MAKERS[kind]()
    list(arrays_of(thing))  # so that what is cached is cached
    thing = COPIES[how](thing)
    for name, array in arrays_of(thing):
        if array.flags.writeable:
            assert name.rpartition(".")[2] in FRESH, name
            assert not np.shares_memory(array, attrgetter(name)(thing)), name
        else:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_copy_has_the_same_arrays(kind, how):
    thing = MAKERS[kind]()
    copied = dict(arrays_of(COPIES[how](thing)))
    for name, array in arrays_of(thing):
        np.testing.assert_array_equal(copied[name], array, err_msg=name)


@pytest.mark.parametrize("kind", MAKERS)
def test_copies_have_nothing_cached(kind):
    thing = MAKERS[kind]()
    list(arrays_of(thing))
    kept = vars(copy.deepcopy(thing))
    members = dict(inspect.getmembers_static(type(thing)))
    assert not [name for name in kept if isinstance(members.get(name), cached_property)]


def test_every_public_dataclass_with_arrays_is_frozen():
    found = {type(make()) for make in MAKERS.values()}
    for kind in found | {BlurredData, PiecewiseLinear}:
        if dataclasses.is_dataclass(kind) and any("Array" in str(f.type) for f in dataclasses.fields(kind)):
            assert issubclass(kind, Frozen), kind


def test_a_copied_network_does_not_go_stale():
    net = network()
    before = net(0.0)
    for copied in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net))):
        with pytest.raises(ValueError, match="read-only"):
            copied.b2[0] += 100
        assert copied(0.0) == before
    moved = dataclasses.replace(net, b2=net.b2 + 100)
    assert moved(0.0) == before + 100


def test_objects_do_not_share_memory_with_what_they_are_made_of():
    signs, rows = np.array([[True, False]]), np.eye(2)
    patterns = cs.Patterns(signs, rows, False, None, partial(np.ones, (1, 2)))
    knots = np.array([0.0])
    line = PiecewiseLinear(knots, np.array([1.0]), np.array([-1.0, -1.0]))
    cone = cs.Cone(rows)
    signs[:], rows[:], knots[:] = False, 7.0, 5.0
    assert patterns.signs[0, 0]
    assert patterns.rows[0, 0] == cone.normals[0, 0] == 1
    assert line.knots[0] == 0
    view = rows[:]
    view.setflags(write=False)
    assert not np.shares_memory(frozen(view), rows)
    assert signs.flags.writeable
    assert rows.flags.writeable


def test_piecewise_functions_compare_and_hash_as_objects():
    line = network().piecewise
    assert line != network().piecewise
    assert len({line, line}) == 1


CALLS = {
    "network": lambda made: (made, ([0.5, 2.0],)),
    "conditional": lambda made: (made, ([0.5, 2.0], 1.5)),
    "vp": lambda made: (made, ([0.5, 2.0], 0.3)),
    "ve": lambda made: (made, ([0.5, 2.0], 0.3)),
    "from_denoiser": lambda made: (made, ([0.5, 2.0], 0.3)),
    "to_denoiser": lambda made: (made, ([0.5, 2.0], 0.3)),
    "path": lambda made: (made.network(3.0), ([0.5, 2.0],)),
    "density": lambda made: (made.logpdf, ([0.5, 2.0],)),
    "pooled": lambda made: (made, ([0.5, 2.0],)),
    "pooled_member": lambda made: (made.icdf, ([0.1, 0.9],)),
}


def test_scores_and_results_go_to_other_processes():
    calls = {kind: call(MAKERS[kind]()) for kind, call in CALLS.items()}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        waiting = {kind: pool.submit(function, *arguments) for kind, (function, arguments) in calls.items()}
        patterns = pool.submit(cs.enumerate_patterns, PLANE).result()
        for kind, (function, arguments) in calls.items():
            np.testing.assert_array_equal(waiting[kind].result(), function(*arguments), err_msg=kind)
    np.testing.assert_array_equal(patterns.witnesses, cs.enumerate_patterns(PLANE).witnesses)
