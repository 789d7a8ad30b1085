"""What is known of the activations on the line: the multiplier's range and where its ends change pace."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.activation_rules import RULES
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.selection import _whole_range

STEP = 1e-6


def rates(rules, tie, inside, beta, step):
    """The ends' change for a unit of beta, by a difference: from below for a negative step."""
    here, there = (np.array(rules.kappa_range(tie, inside, b)) for b in (beta, beta + step))
    return (there - here) / step


# The heaviest tie inside, the heavier end, and weight decays from the boundedness bound on.
TIES = [
    ([1.0, 0.0, 6.0, 2.0, 0.5], [3.2, 4.0, 5.0, 5.5, 6.0, 6.5]),
    ([0.5, 6.0, 1.0], [3.2, 4.0, 5.0, 5.5, 6.0, 6.5]),
    ([4.0, 6.0, 0.0], [4.5, 6.0, 7.0]),
    ([3.0, 1.0, 2.0], [3.5, 4.0]),
    ([0.0, 0.0, 0.0], [0.5, 2.0]),
]


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize(("masses", "betas"), TIES)
def test_rates_of_the_multipliers_range_are_its_differences_from_below(activation, masses, betas):
    rules, tie, inside = RULES[activation], np.array(masses), max(masses[1:-1])
    for beta in betas:
        expected = rates(rules, tie, inside, beta, -STEP)
        np.testing.assert_allclose(rules.kappa_range_rate(tie, inside, beta), expected, atol=1e-8)


def test_at_the_boundedness_bound_the_lower_end_has_not_moved_yet():
    tie = np.array([3.0, 1.0, 2.0])
    assert RULES["relu"].kappa_range(tie, 1.0, 3.0)[0] == 0.0
    assert RULES["relu"].kappa_range_rate(tie, 1.0, 3.0) == (0.0, 1.0)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize(("masses", "betas"), TIES)
def test_the_range_changes_its_rate_at_its_switches_and_nowhere_else(activation, masses, betas):
    rules, tie, inside = RULES[activation], np.array(masses), max(masses[1:-1])
    switches = rules.range_switches(tie, inside)
    for beta in betas:
        below, above = (rates(rules, tie, inside, beta, step) for step in (-STEP, STEP))
        assert (np.abs(below - above).max() > 0.1) == (beta in switches)


def test_where_a_tie_is_heavy_the_range_has_the_values_of_the_band():
    relu, tie = RULES["relu"], np.array([1.0, 6.0, 0.5])
    # |kappa| <= 2 beta - 6, kappa <= beta, kappa >= 1 - beta
    assert relu.kappa_range(tie, 6.0, 4.0) == (-2.0, 2.0)
    assert relu.kappa_range(tie, 6.0, 5.5) == (-4.5, 5.0)
    assert relu.kappa_range(tie, 6.0, 7.0) == (-6.0, 7.0)
    assert RULES["abs"].kappa_range(tie, 6.0, 7.0) == (-5.0, 7.0)


@pytest.mark.parametrize(("has_trace", "weight"), [(True, 1.0), (True, 40.0), (False, 1.0)])
def test_cross_validation_goes_from_the_line_to_boundedness_or_a_thousandth(has_trace, weight):
    x = np.random.default_rng(0).standard_normal(30)
    weights = np.append(np.ones(29), weight)
    objective = cs.ScoreMatching(x, weights)
    if not has_trace:
        objective = cs.DenoisingScoreMatching(x, np.sin(3 * x), sample_weight=weights)
    program = UnivariateProgram.from_objective(objective, "relu", True)
    bounds = cs.beta_bounds(objective, "relu", True)
    betas = _whole_range(program)
    lowest = 1.05 * bounds.minimum if has_trace else 1e-3 * bounds.linear
    assert betas.shape == (40,)
    np.testing.assert_allclose(betas, bounds.linear * (lowest / bounds.linear) ** (np.arange(40) / 39))
