"""Functions of users: what they return is checked by name, what they raise goes through as it is."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.diagnostics import fisher_divergence, kernel_stein_discrepancy
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law
from convexscore.theory import girsanov_kl, is_log_concave_chain
from tests.claims.odd_values import Odd

X = np.array([0.0, 1.0, 3.0])
GRID = np.linspace(-6.0, 6.0, 61)
LAW = GridLaw(GRID, np.exp(-(GRID**2) / 2))
DENSITY = cs.ScoreDensity(cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[-1.0]]))


class Levels:
    def __init__(self, fixed):
        self.fixed = fixed

    def at_level(self, sigma):
        return self.fixed


def normal(x, *_):
    return -np.asarray(x)


#: Name of the argument, and a call with a function in its place.
CALLS = {
    "langevin": ("score", lambda f: cs.samplers.langevin(f, X, 0.1, 2, rng=0)),
    "langevin in blocks": ("score", lambda f: cs.samplers.langevin(f, X, 0.1, 2, rng=0, n_jobs=2)),
    "underdamped": ("score", lambda f: cs.samplers.underdamped(f, X, 0.1, 2, rng=0)),
    "mala": ("score", lambda f: cs.samplers.mala(f, lambda x: -(x**2) / 2, X, 0.1, 2, rng=0)),
    "mala's density": ("logpdf", lambda f: cs.samplers.mala(normal, f, X, 0.1, 2, rng=0)),
    "annealed": ("score", lambda f: cs.samplers.annealed_langevin(f, X, [2.0, 1.0], n_steps=1, rng=0)),
    "reverse": ("score", lambda f: cs.samplers.reverse(f, [2.0, 1.0], 3, None, rng=0)),
    "sequential": ("score", lambda f: cs.samplers.sequential(f, 1.0, 2, 3, None, rng=0)),
    "joint": ("score", lambda f: cs.samplers.joint(f, 1.0, 2, 3, None, rng=0, n_steps=2)),
    "langevin_law": ("score", lambda f: langevin_law(LAW, f, 0.1, 1)),
    "reverse_law": ("score", lambda f: reverse_law(f, [2.0, 1.0], GRID)),
    "GridLaw.of": ("logpdf", lambda f: GridLaw.of(f, GRID)),
    "vp": ("score", lambda f: cs.vp(f)(X, 0.5)),
    "ve": ("score", lambda f: cs.ve(f)(X, 0.5)),
    "to_denoiser": ("score", lambda f: cs.to_denoiser(f)(X, 0.5)),
    "from_denoiser": ("denoiser", lambda f: cs.from_denoiser(f)(X, 0.5)),
    "denoise_many": ("score", lambda f: cs.denoise_many(f, [X, X], 0.5)),
    "fisher": ("score", lambda f: fisher_divergence(f, normal, X)),
    "fisher's other": ("other", lambda f: fisher_divergence(normal, f, X)),
    "stein": ("score", lambda f: kernel_stein_discrepancy(X, f, 1.0)),
    "sm": ("score", lambda f: cs.ScoreMatching(X).loss(f, lambda x: np.ones(len(x)))),
    "sm's divergence": ("divergence", lambda f: cs.ScoreMatching(X).loss(normal, f)),
    "weight": (
        "boundary_weight",
        lambda f: cs.ScoreMatching(X, support=(-1, None), boundary_weight=(f, f)),
    ),
    "weight's derivative": (
        "boundary_weight",
        lambda f: cs.ScoreMatching(X, support=(-1, None), boundary_weight=(lambda x: x + 1, f)),
    ),
    "dsm": ("score", lambda f: cs.DenoisingScoreMatching(X, X).loss(f)),
    "expect": ("function", lambda f: DENSITY.expect(f)),
    "girsanov": ("fisher", lambda f: girsanov_kl([1.0, 0.0], f, 0.0)),
}
NONSENSE = {
    "text": lambda x, *_: "a",
    "none": lambda x, *_: None,
    "complex": lambda x, *_: np.ones(np.shape(x)) * 1j,
    "objects": lambda x, *_: np.full(np.shape(x), None),
    "more": lambda x, *_: np.ones((*np.shape(x), 2)),
    "masked": lambda x, *_: np.ma.array(np.ones(np.shape(x)), mask=True),
    "ragged": lambda x, *_: [[1.0, 2.0], [3.0]],
    "odd": lambda x, *_: Odd(),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_named(name, kind):
    argument, call = CALLS[name]
    with pytest.raises((TypeError, ValueError), match=rf"^{argument}: expected"):
        call(NONSENSE[kind])


@pytest.mark.parametrize("name", CALLS)
def test_nan_is_named(name):
    argument, call = CALLS[name]
    with pytest.raises((ValueError, cs.ConvergenceError), match=rf"^{argument}: (expected|returned NaN)"):
        call(lambda x, *_: np.full(np.shape(x), np.nan))


@pytest.mark.parametrize("name", CALLS)
def test_what_a_function_raises_goes_through(name):
    class OwnError(Exception):
        pass

    def failing(*_):
        raise OwnError

    with pytest.raises(OwnError):
        CALLS[name][1](failing)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_function_is_named(name):
    argument, call = CALLS[name]
    for wrong in ("a", 1.0, Odd(), 10**5000):
        with pytest.raises(TypeError, match=rf"^{argument}: expected a callable"):
            call(wrong)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble, np.int8, bool])
def test_scores_may_be_of_any_real_type(dtype):
    def score(x, *_):
        return (x > 0).astype(dtype)

    for x0 in (X, X.astype(np.float32)):
        assert cs.samplers.langevin(score, x0, 0.1, 2, rng=0).dtype == x0.dtype
    assert cs.vp(score)(X, 0.5).dtype == np.float64


def test_levels_that_are_no_scores_are_named():
    for fixed in ("a", 1.0):
        with pytest.raises(TypeError, match=r"^score: expected a callable"):
            cs.samplers.reverse(Levels(fixed), [2.0, 1.0], 3, None, rng=0)
    with pytest.raises(TypeError, match=r"^score: expected slopes or a piecewise form"):
        is_log_concave_chain(Levels("a"), 1.0, 1)


def test_a_score_whose_level_is_no_method_is_a_score():
    class Score:
        at_level = 3.0

        def __call__(self, y, sigma):
            return -y

    expected = cs.samplers.reverse(normal, [2.0, 1.0], 3, None, rng=0)
    np.testing.assert_array_equal(cs.samplers.reverse(Score(), [2.0, 1.0], 3, None, rng=0), expected)
