"""Arguments: what is accepted, what is refused, and that errors name what came."""

from datetime import datetime
from fractions import Fraction

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.seeds import generator
from convexscore._support.validation import (
    as_choice,
    as_count,
    as_data,
    as_flag,
    as_flags,
    as_float_array,
    as_numbers,
    as_real,
    as_scale,
    as_weights,
    shown,
)


class NoRepr:
    def __repr__(self):
        raise RuntimeError("no")


class NoArray:
    def __array__(self, *_, **__):
        raise RuntimeError("on another device")


def kind_of(value):
    return type(value).__name__


NOT_NUMBERS = [
    ["1", "2"],
    None,
    {},
    [None, 1.0],
    [1j, 2.0],
    np.array([1, 2], dtype=object),
    [10**400, 1.0],
    np.array(["2020-01-01"], dtype="datetime64[D]"),
    [datetime(2020, 1, 1)],
    [[1.0, 2.0], [3.0]],
    np.array([b"1"]),
    np.array([(1, 2.0)], dtype="i4,f8"),
    np.ma.array([1.0, 2.0], mask=[False, True]),
    [np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, 2.0]],
    [1.0, np.ma.masked],
    {1.0, 2.0},
    iter([1.0]),
    NoArray(),
    NoRepr(),
]
ARRAYS = [as_numbers, as_float_array, as_data, as_flags, lambda name, values: as_weights(name, values, 2)]


@pytest.mark.parametrize("values", NOT_NUMBERS, ids=kind_of)
@pytest.mark.parametrize("check", ARRAYS)
def test_what_is_no_array_of_numbers_is_refused_by_name(check, values):
    with pytest.raises((TypeError, ValueError), match=r"^speed: expected"):
        check("speed", values)


def test_a_mask_without_masked_entries_is_none():
    values = np.ma.array([1.0, 2.0], mask=[False, False])
    assert as_float_array("x", values).tolist() == [1.0, 2.0]
    assert type(as_numbers("x", values)) is np.ndarray
    assert type(cs.ScoreMatching(values).X) is np.ndarray


def test_arrays_are_checked_and_not_changed():
    given = np.array([1.0, 2.0])
    assert as_numbers("x", given) is given
    assert not np.shares_memory(as_float_array("x", given), given)
    assert np.isnan(as_numbers("x", [np.nan, 1.0])[0])
    assert as_float_array("x", [True, False]).tolist() == [1.0, 0.0]
    for values in ([np.nan], [np.inf], np.array([np.longdouble(10) ** 400])):
        with pytest.raises(ValueError, match=r"^x: expected finite numbers"):
            as_float_array("x", values)


def test_flags_are_true_false_one_or_zero():
    assert as_flags("right", [1, 0]).tolist() == as_flags("right", [True, False]).tolist() == [True, False]
    assert as_flags("right", []).shape == (0,)
    for values in (["False"], [2], [0.5], [np.nan]):
        with pytest.raises(TypeError, match=r"^right: expected True or False for each, got"):
            as_flags("right", values)


@pytest.mark.parametrize(
    "value", ["1", None, 1j, True, [1.0], np.ones(1), NoRepr(), datetime(2020, 1, 1), {}], ids=kind_of
)
def test_what_is_no_number_is_refused_by_name(value):
    for check in (as_real, as_count, as_scale):
        with pytest.raises(TypeError, match=r"^speed: expected"):
            check("speed", value)


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), 10**5000, np.nan, np.inf, Fraction(10**400, 3)], ids=kind_of
)
def test_numbers_that_no_float_is_are_refused_by_name(value):
    for check in (as_real, as_scale):
        with pytest.raises(ValueError, match=r"^speed: expected"):
            check("speed", value)
    with pytest.raises((TypeError, ValueError), match=r"^speed: expected"):
        as_count("speed", value)


def test_numbers_of_every_kind_are_accepted():
    for value in (2, 2.0, np.float32(2), np.int8(2), np.array(2), Fraction(4, 2)):
        assert as_real("speed", value) == 2.0
    for value in (np.array("2"), np.array(None), np.array(2j), np.array(True)):
        with pytest.raises(TypeError, match=r"^speed: expected a number"):
            as_real("speed", value)
    with pytest.raises(ValueError, match=r"^speed: expected a number, got a masked one"):
        as_real("speed", np.ma.masked)
    with pytest.raises(ValueError, match=r"^speed: expected a number of at most 3, got 4"):
        as_real("speed", 4, maximum=3)


def test_scales_are_numbers_whose_squares_are_too():
    assert as_scale("sigma", 0, zero=True) == 0
    assert as_scale("sigma", 1e150) ** 2 < np.inf
    for value in (1e151, 5e-324, 0.0, -1.0):
        with pytest.raises(ValueError, match=r"^sigma: expected a number"):
            as_scale("sigma", value)


@pytest.mark.parametrize("value", [[], {}, None, 1.5, np.array(["a", "b"]), "c", NoRepr()], ids=kind_of)
def test_choices_need_not_be_hashable_to_be_refused(value):
    with pytest.raises(ValueError, match=r"^way: expected one of 'a', 'b', got"):
        as_choice("way", value, {"a": 1, "b": 2})
    with pytest.raises(TypeError, match=r"^flag: expected True or False, got"):
        as_flag("flag", value)


@pytest.mark.parametrize("value", [-1, "a", 1.5, True, [1, -2], np.random.RandomState(0), {}], ids=kind_of)
def test_what_is_no_source_of_randomness_is_refused(value):
    with pytest.raises((TypeError, ValueError), match=r"^rng: expected a"):
        generator(value, "a test")
    for call in (
        lambda: cs.DenoisingScoreMatching.from_clean([0.0, 1.0], 0.5, rng=value),
        lambda: cs.targets.Banana().sample(2, rng=value),
        lambda: cs.targets.ring().sample(2, rng=value),
        lambda: cs.sample_patterns(np.eye(2), 5, rng=value),
        lambda: cs.baselines.train_adam(cs.ScoreMatching([0.0, 1.0]), 2.0, n_epochs=1, rng=value),
        lambda: cs.NoiseConditionalScore.fit([0.0, 1.0, 3.0], [1.0], 5.0, rng=value),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^rng: expected a"):
            call()


def test_errors_show_what_came_however_long():
    assert shown("a") == "'a'"
    assert len(shown(list(range(1000)))) == 200
    assert shown(NoRepr()) == "a value of type NoRepr"


# Doors


NET = cs.TwoLayerNetwork([[1.0]], [-1.0], [[-2.0]], [0.5], [[-1.0]])
GATED = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])


@pytest.mark.parametrize("values", NOT_NUMBERS, ids=kind_of)
def test_networks_are_asked_at_numbers(values):
    for net in (NET, GATED):
        for method in (net, net.jacobian, net.divergence):
            with pytest.raises((TypeError, ValueError), match=r"^x: expected"):
                method(values)


def test_kink_conventions_are_flags():
    with pytest.raises(TypeError, match=r"^right_derivative: expected True or False for each"):
        cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0], right_derivative=["False"])
    for one in ([False], [0]):
        net = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0], right_derivative=one)
        assert net.right_derivative.tolist() == [False]


@pytest.mark.parametrize("value", [[], {}, 3, None], ids=kind_of)
def test_names_that_are_none(value):
    data = cs.ScoreMatching([0.0, 1.0, 3.0])
    calls = {
        "activation": [
            lambda: cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0], activation=value),
            lambda: cs.solve(data, 2.0, value),
        ],
        "solver": [lambda: cs.solve(data, 2.0, solver=value)],
        "method": [lambda: cs.select_beta(data, value)],
        "penalty": [lambda: cs.solve(data, 2.0, gated=True, penalty=value)],
        "schedule": [lambda: cs.baselines.train_adam(data, 2.0, schedule=value, n_epochs=1)],
    }
    for name, several in calls.items():
        for call in several:
            with pytest.raises(ValueError, match=rf"^{name}: expected one of"):
                call()


def test_noise_levels_whose_squares_overflow():
    mixture = cs.targets.GaussianMixture([1.0], [0.0], 1.0)
    for call in (
        lambda: mixture.score([0.0], 1e160),
        lambda: cs.from_denoiser(mixture.denoise)(np.zeros(1), 1e160),
        lambda: cs.to_denoiser(mixture.score)(np.zeros(1), 1e-170),
        lambda: cs.ve(cs.vp(mixture.score))(np.zeros(1), 1e160),
        lambda: cs.posterior_covariance([0.5], 1e160),
        lambda: cs.denoise_many(mixture.score, [[1.0]], 1e160),
    ):
        with pytest.raises(ValueError, match=r"^sigma: expected .*1e-150 (and|to) 1e\+150"):
            call()
    with pytest.raises(ValueError, match=r"^noise_level: expected a number between"):
        cs.DenoisingScoreMatching.from_clean([0.0], 1e200)
    with pytest.raises(ValueError, match=r"^t: expected a number of at most 345"):
        cs.vp(mixture.score)(np.zeros(1), 1e3)
    with pytest.raises(ValueError, match=r"^scale: expected at least"):
        cs.targets.moons(scale=1e-100)
