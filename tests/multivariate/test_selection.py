"""Bounds and choice of the weight decay in several dimensions."""

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.seeds import generator
from convexscore.multivariate import selection
from convexscore.multivariate.bootstrap import NeuronNoise
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.program import NeuronProgram
from convexscore.problem import Problem
from tests.problems import KINDS


def objective_of(name, n=25, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, 2))
    return (
        cs.ScoreMatching(X) if name == "sm" else cs.DenoisingScoreMatching.from_clean(X, 0.5, rng=seed + 100)
    )


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
@pytest.mark.parametrize("bias", [False, True])
def test_above_maximum_there_are_no_neurons_and_below_there_are(name, activation, skip, bias):
    objective = objective_of(name)
    maximum = cs.beta_bounds(objective, activation, skip, bias=bias).maximum
    above = cs.solve(objective, 1.0001 * maximum, activation, skip, bias=bias)
    below = cs.solve(objective, 0.98 * maximum, activation, skip, bias=bias)
    assert above.network.n_neurons == 0
    assert below.network.n_neurons > 0


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("bias", [False, True])
def test_minimum_separates_bounded_from_unbounded(activation, bias):
    objective = objective_of("sm", n=12, seed=3)
    minimum = cs.beta_bounds(objective, activation, bias=bias).minimum
    assert np.isfinite(cs.solve(objective, 1.2 * minimum, activation, bias=bias).certificate.dual)
    with pytest.raises(cs.UnboundedError, match="beta"):
        cs.solve(objective, 0.9 * minimum, activation, bias=bias)


def test_without_bias_zero_neurons_need_the_largest_half_plane():
    objective = objective_of("sm", n=30)
    angles = np.linspace(0, 2 * np.pi, 20_001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    most = (objective.X @ directions > 0).sum(axis=0).max()
    assert cs.beta_bounds(objective, bias=False).maximum == pytest.approx(most)


def test_denoising_is_bounded_for_every_weight_decay():
    assert cs.beta_bounds(objective_of("dsm")).minimum == 0.0
    assert cs.beta_bounds(objective_of("dsm", n=8), gated=True).minimum == 0.0


def test_gated_maximum_is_the_largest_spectral_norm():
    objective = objective_of("dsm", n=8)
    patterns = cs.enumerate_patterns(objective.X)
    expected = max(
        np.linalg.norm(objective.X.T @ (D[:, None] * objective.targets), 2) for D in patterns.signs
    )
    bounds = cs.beta_bounds(objective, bias=False, gated=True, patterns=patterns)
    assert bounds.maximum == pytest.approx(expected)


def test_patterns_without_gates_are_refused():
    with pytest.raises(ValueError, match="patterns"):
        cs.beta_bounds(objective_of("dsm"), patterns=np.ones((1, 25), dtype=bool))


def test_the_noise_is_that_of_signed_terms():
    """The largest correlation of a draw against the literal sum over samples, on the directions searched."""
    objective = objective_of("sm", n=15, seed=1)
    program = NeuronProgram.from_objective(objective, "relu", True, True)
    noise = NeuronNoise(objective, program, 3, np.random.default_rng(0), n_directions=20)
    found = noise.largest(program.zero_residual)
    Z = program.zero_residual / program.root_mass
    F = program.free
    projector = F @ np.linalg.solve(F.T @ F, F.T)
    for value, signs in zip(found, noise.signed, strict=True):
        largest = 0.0
        for u in noise.directions:
            for pivot in program.rows:
                height = (program.rows - pivot) @ u
                for at_pivot in (False, True):
                    slope = (height > 1e-14) | (at_pivot & (np.abs(height) < 1e-14))
                    feature = slope * height
                    smooth = (feature - projector @ feature) @ (signs[:, None] * Z)
                    # The trace of the skip's own terms is taken up with the feature's coefficients on it.
                    onto = np.linalg.solve(F.T @ F, F.T @ feature)
                    trace = (slope @ signs) * u - signs.sum() * onto[1:]
                    largest = max(largest, np.linalg.norm(smooth + trace))
        assert value == pytest.approx(largest, rel=1e-9)


def test_auto_keeps_the_line_on_gaussian_data_and_bends_on_a_ring():
    gaussian = np.random.default_rng(0).standard_normal((200, 2))
    assert cs.solve(cs.ScoreMatching(gaussian), "auto", skip=True).network.n_neurons == 0
    ring = cs.targets.ring(8, radius=3.0, scale=0.5)
    X = ring.sample(200, rng=0)
    fresh = ring.sample(2000, rng=1)
    chosen = cs.solve(cs.ScoreMatching(X), "auto", skip=True)
    line = cs.solve(cs.ScoreMatching(X), 1e4, skip=True)
    errors = [cs.diagnostics.fisher_divergence(s.network, ring.score, fresh) for s in (chosen, line)]
    assert errors[0] < 0.6 * errors[1]
    assert cs.select_beta(cs.ScoreMatching(X), rng=3) == cs.select_beta(cs.ScoreMatching(X), rng=3)


@pytest.mark.parametrize("n", [4, 10, 20])
@pytest.mark.parametrize("skip", [False, True])
def test_auto_is_bounded_on_few_points(n, skip):
    X = np.random.default_rng(n).standard_normal((n, 2))
    X[: n // 2] += 4
    assert np.isfinite(cs.solve(cs.ScoreMatching(X), "auto", skip=skip).certificate.dual)


def test_cross_validation_takes_one_feature():
    with pytest.raises(ValueError, match="method"):
        cs.select_beta(objective_of("sm"), "cv")


def test_auto_is_refused_on_patterns():
    with pytest.raises(ValueError, match="beta"):
        cs.solve(objective_of("dsm"), "auto", gated=True)


def test_the_pricer_of_more_dimensions_is_no_proof():
    X = np.random.default_rng(0).standard_normal((20, 3))
    program = NeuronProgram.from_objective(cs.ScoreMatching(X), "relu", False, True)
    assert not pricer_of(program).exact


def clusters(n, seed=0):
    """Return points whose linear score is rejected."""
    X = np.random.default_rng(seed).standard_normal((n, 2))
    X[: n // 2, 0] += 12
    return X


def test_where_the_line_is_rejected_the_choice_is_a_share_of_the_noise():
    objective = cs.ScoreMatching(clusters(60))
    options = {"rng": 0, "n_replicates": 5, "n_iterations": 1}
    whole = cs.select_beta(objective, "bootstrap", share=1.0, **options)
    for share in (0.25, 1e-9):
        chosen = cs.select_beta(objective, "bootstrap", share=share, **options)
        assert chosen == pytest.approx(share * whole, rel=1e-12)
    assert cs.select_beta(objective, "bootstrap", **options) == pytest.approx(0.4 * whole, rel=1e-12)
    # The noise is that of the program with skip, the draws those of the seed.
    program = NeuronProgram.from_objective(objective, "relu", True, True)
    noise = NeuronNoise(objective, program, 5, generator(0, "select_beta"))
    assert whole == pytest.approx(float(np.median(noise.largest(program.zero_residual))), rel=1e-12)


@pytest.mark.parametrize("skip", [False, True])
def test_on_few_points_the_choice_stays_above_boundedness(skip):
    """A fifth above, as far as the bound is computed: up to a hundred coordinates."""
    objective = cs.ScoreMatching(clusters(12))
    minimum = cs.beta_bounds(objective, skip=skip).minimum
    options = {"rng": 0, "n_replicates": 3, "n_iterations": 1, "share": 1e-9}
    chosen = cs.select_beta(objective, "bootstrap", skip=skip, **options)
    assert chosen == pytest.approx(1.2 * minimum, rel=0.02)


def test_the_bound_of_a_hundred_coordinates_is_computed_and_of_more_is_not(monkeypatch):
    monkeypatch.setattr(selection, "smallest_decay", lambda program, pricer, tol: 5.0)
    for n, expected in ((49, 6.0), (50, 6.0), (51, 0.0)):
        assert selection._lowest(Problem(cs.ScoreMatching(clusters(n)))) == expected
