"""Data far closer together than their range: values in exact arithmetic, statuses that say so."""

import warnings
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.program import UnivariateProgram
from tests.problems import KINDS


def exact_value(objective, activation, skip, kinks, values, beta):
    """Return the objective of a spline with skip connection, or of its cheapest abs network, as a fraction.

    The spline is given at the ends and the kinks; a kink counts the smaller of its two slopes.
    """
    assert skip
    x, order = np.unique(objective.X[:, 0]), np.argsort(objective.X[:, 0])
    t, s = [Fraction(float(x[k])) for k in kinks], [Fraction(float(v)) for v in values]
    slopes = [(s[k + 1] - s[k]) / (t[k + 1] - t[k]) for k in range(len(t) - 1)]
    total = Fraction(0)
    for i, point in enumerate(x):
        at = Fraction(float(point))
        piece = next(k for k in range(len(slopes)) if at <= t[k + 1])
        label = Fraction(0) if objective.has_trace else Fraction(float(objective.targets[order[i], 0]))
        total += (s[piece] + slopes[piece] * (at - t[piece]) - label) ** 2 / 2
        if objective.has_trace:
            inner = at == t[piece + 1] and piece + 1 < len(slopes)
            total += min(slopes[piece], slopes[piece + 1]) if inner else slopes[piece]
    jumps = sum(abs(b - a) for a, b in pairwise(slopes))
    return total + Fraction(beta) * jumps * (Fraction(1, 2) if activation == "abs" else 1)


def clusters(rng, least=-9.0):
    spacing = 10.0 ** rng.uniform(least, -3)
    steps = [
        np.cumsum(rng.uniform(0.5, 2.0, int(rng.integers(1, 4)))) for _ in range(int(rng.integers(2, 5)))
    ]
    return np.concatenate([3 * rng.uniform(-1, 1) + spacing * part for part in steps])


def a_problem(rng, name, activation, skip, least=-9.0):
    x = clusters(rng, least)
    objective = cs.ScoreMatching(x)
    if name == "dsm":
        objective = cs.DenoisingScoreMatching(x, rng.standard_normal(x.size))
    bounds = cs.beta_bounds(objective, activation, skip)
    beta = bounds.minimum + rng.uniform(0.05, 1.1) * (bounds.linear - bounds.minimum)
    return objective, max(beta, 1e-3)


def test_a_spacing_of_a_millionth_is_certified():
    solution = cs.solve(cs.ScoreMatching([0, 1, 1.0000027526505424]), 1.868521088238491, activation="abs")
    assert solution.status == "optimal"
    assert solution.value == pytest.approx(-2281397438.54019, rel=1e-13)
    assert abs(solution.certificate.gap) <= 1e-12 * abs(solution.value)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_clusters_are_certified(name, activation, skip):
    rng = np.random.default_rng(0)
    for _ in range(25):
        # Without skip the outer slopes of a piece of a billionth of the range round too much.
        objective, beta = a_problem(rng, name, activation, skip, least=-9.0 if skip else -7.0)
        solution = cs.solve(objective, beta, activation, skip)
        certificate = solution.certificate
        assert solution.status in ("optimal", "closed_form")
        assert abs(certificate.gap) <= 1e-8 * certificate.value_scale + certificate.value_rounding
        assert certificate.max_violation <= 0.11 * beta


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_values_are_those_of_exact_arithmetic(name, activation):
    rng = np.random.default_rng(1)
    for _ in range(15):
        objective, beta = a_problem(rng, name, activation, True)
        solution = cs.solve(objective, beta, activation, True)
        network, x = solution.network, np.unique(objective.X[:, 0])
        inside = np.unique(np.searchsorted(x, network.kinks))
        kinks = np.unique(np.concatenate([[0], inside, [x.size - 1]]))
        exact = exact_value(objective, activation, True, kinks, network(x[kinks]), beta)
        assert abs(float(exact) - solution.value) <= 1e-9 * solution.certificate.value_scale


@pytest.mark.parametrize("beta", [1e-17, 1e-16, 1e-14, 1e-12, 1e-9])
@pytest.mark.parametrize("skip", [False, True])
def test_tiny_weight_decays_are_not_called_optimal_with_large_violations(beta, skip):
    rng = np.random.default_rng(0)
    for _ in range(6):
        x = rng.standard_normal(20)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cs.ConvergenceWarning)
            solution = cs.solve(cs.DenoisingScoreMatching(x, rng.standard_normal(20)), beta, skip=skip)
        certificate = solution.certificate
        assert certificate.violation_scale == beta
        assert certificate.rounding <= 0.1 * beta
        if solution.status == "optimal":
            assert certificate.max_violation <= 0.11 * beta
        assert abs(certificate.gap) <= certificate.value_scale
        assert (solution.status == "optimal") or beta < 1e-12


def test_no_weight_decay_far_from_zero_leaves_no_violation_unsaid():
    x = np.random.default_rng(0).standard_normal((8, 2)) + 1e8
    labels = np.random.default_rng(1).standard_normal((8, 2))
    for problem, arguments in (
        (cs.DenoisingScoreMatching(x, labels), {"gated": True}),
        (cs.DenoisingScoreMatching(x[:, 0], labels[:, 0]), {}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cs.ConvergenceWarning)
            solution = cs.solve(problem, 0.0, **arguments)
        size = np.linalg.norm(labels) * np.linalg.norm(x - x.mean(axis=0))
        assert solution.status == "inaccurate" or solution.certificate.max_violation <= 1e-4 * size


def test_the_scale_of_violations_is_the_weight_decay():
    objective = cs.DenoisingScoreMatching([0.0, 1.0, 2.0], [1e6, -1e6, 1e6])
    certificate = cs.solve(objective, 0.5).certificate
    assert certificate.violation_scale == 0.5
    assert UnivariateProgram.from_objective(objective).zero_value > 1e12
