"""Interchangeable parts keep one protocol each: samplers, targets, scores, pricing, objectives."""

import pickle

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.pricing.ascent import AscentPricer
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.pricing.edges import EdgePricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.objectives import as_objective

LEVELS = cs.samplers.sigma_grid(3.0, 0.3, 4)


def gaussian(y, sigma=0.0):
    return -y / (1 + sigma**2)


SAMPLERS = {
    "langevin": lambda score, x0, **more: cs.samplers.langevin(score, x0, 0.05, 8, **more),
    "underdamped": lambda score, x0, **more: cs.samplers.underdamped(score, x0, 0.2, 8, **more),
    "annealed_langevin": lambda score, x0, **more: cs.samplers.annealed_langevin(
        lambda y, sigma: score(y), x0, LEVELS, n_steps=3, **more
    ),
}


def check_sampler(sampler):
    """Samplers move chains of either shape, leave the start alone, and repeat a seed for any workers."""
    for shape in ((7,), (7, 1), (5, 3)):
        start = np.random.default_rng(0).standard_normal(shape)
        before = start.copy()
        first, again, other = (sampler(gaussian, start, rng=seed) for seed in (1, 1, 2))
        assert first.shape == shape
        np.testing.assert_array_equal(start, before)
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()
        workers = [sampler(gaussian, start, rng=1, n_jobs=number) for number in (1, 2)]
        np.testing.assert_array_equal(*workers)
        # A generator is used as it comes; a seed is not the one of NumPy's own generator.
        given = [sampler(gaussian, start, rng=np.random.default_rng(1)) for _ in range(2)]
        np.testing.assert_array_equal(*given)
        assert (given[0] != first).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_keep_their_protocol(name):
    check_sampler(SAMPLERS[name])


def check_target(target, d=None):
    """Targets have scores that differentiate their log-densities at every noise, and matching samples."""
    samples = target.sample(4000, rng=0)
    np.testing.assert_array_equal(samples, target.sample(4000, rng=0))
    assert samples.shape == ((4000,) if d is None else (4000, d))
    y = samples[:50]
    for sigma in (0.0, 0.7):
        score = target.score(y, sigma)
        assert score.shape == y.shape
        for axis in range(1 if d is None else d):
            step = np.zeros(y.shape[1:] or ())
            step = np.array(1e-5) if d is None else 1e-5 * np.eye(d)[axis]
            numeric = (target.logpdf(y + step, sigma) - target.logpdf(y - step, sigma)) / 2e-5
            along = score if d is None else score[:, axis]
            np.testing.assert_allclose(along, numeric, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(target.denoise(y, 0.7), y + 0.7**2 * target.score(y, 0.7), atol=1e-10)


def test_gaussian_mixtures_keep_the_protocol_of_targets():
    check_target(cs.targets.GaussianMixture([0.3, 0.7], [-2.0, 2.0], 0.5))
    check_target(cs.targets.GaussianMixture([0.3, 0.7], [[-2.0, 0.0], [2.0, 1.0]], 0.5), d=2)


def test_sparse_coding_keeps_the_protocol_of_targets():
    check_target(cs.targets.SparseCoding([[1.0, 0.4], [0.2, -1.0]], [-1.0, 0.0, 2.0], [1, 2, 1], 0.4), d=2)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_pricers_keep_their_protocol(dimension, name, bias):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((9, dimension))
    objective = cs.ScoreMatching(X) if name == "sm" else cs.DenoisingScoreMatching(X, -X)
    program = NeuronProgram.from_objective(objective, "relu", False, bias)
    residual = program.zero_residual + program.project(rng.standard_normal(X.shape))
    pricers = [pricer_of(program), AscentPricer(program, rng=0)]
    if dimension > 2:
        pricers.append(EdgePricer(program, rng))
    for pricer in pricers:
        everything = pricer.price(residual, 1e-6)
        assert everything.largest == pytest.approx(everything.values[0])
        assert (np.diff(everything.values) <= 0).all()
        sizes = np.linalg.norm(program.correlations(everything.neurons, residual), axis=1)
        np.testing.assert_allclose(sizes, everything.values, rtol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(everything.neurons.direction, axis=1), 1.0, rtol=1e-12)
        assert len(pricer.price(residual, 1e-6, most=2).neurons) <= 2
        high = 10 * everything.largest
        nothing = pricer.price(residual, high)
        assert (nothing.largest, len(nothing.neurons)) == (high, 0)


def test_doors_take_arrays_as_score_matching():
    x = np.random.default_rng(0).standard_normal(40)
    objective = cs.ScoreMatching(x)
    assert cs.solve(x, 5.0).value == cs.solve(objective, 5.0).value
    assert cs.solve(x.tolist(), 5.0).value == cs.solve(objective, 5.0).value
    assert cs.beta_bounds(x) == cs.beta_bounds(objective)
    assert cs.select_beta(x, rng=0) == cs.select_beta(objective, rng=0)
    assert (cs.regularization_path(x).betas == cs.regularization_path(objective).betas).all()
    plane = x.reshape(-1, 2)
    assert cs.solve(plane, 9.0).value == cs.solve(cs.ScoreMatching(plane), 9.0).value


@pytest.mark.parametrize("wrong", [None, "data.csv", np.mean, {"x": 1}, object()])
def test_what_is_no_objective_is_named(wrong):
    for door in (cs.solve, cs.beta_bounds, cs.regularization_path, cs.select_beta):
        arguments = (wrong, 5.0) if door is cs.solve else (wrong,)
        with pytest.raises((TypeError, ValueError), match=r"objective: expected|X: expected"):
            door(*arguments)


def test_expected_denoising_is_refused_where_kinks_must_be_at_data():
    expected = cs.DenoisingScoreMatching.expected([0.0, 1.0, 3.0], 0.5)
    assert as_objective(expected) is expected
    with pytest.raises(TypeError, match="objective: expected ScoreMatching or DenoisingScoreMatching"):
        cs.regularization_path(expected)


def test_scores_of_networks_pickle_and_go_on():
    network = cs.solve(cs.ScoreMatching(np.random.default_rng(0).standard_normal(30)), 4.0).network
    copy = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(copy([0.0, 1.0]), network([0.0, 1.0]))
