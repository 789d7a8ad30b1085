"""The weight decay of expected denoising: its noise by the definition, the line, densities, frequencies."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.expected.noise import SmoothStein

MIXTURE = cs.targets.GaussianMixture([1 / 3, 2 / 3], [-2.0, 1.0], [0.3, 0.6])
DATA = MIXTURE.sample(150, rng=0)
select = cs.DenoisingScoreMatching.expected


def literal_largest(x, weight, width, score, factors):
    """``max_t |sum_i factors_i H_i(t)|`` with integrals as fine sums and atoms regressed on 1 and y."""
    y = np.linspace(x[0] - 8 * width, x[-1] + 8 * width, 3001)
    step = y[1] - y[0]
    u = (y - x[:, None]) / width
    bells = np.exp(-0.5 * u**2) / (np.sqrt(2 * np.pi) * width)
    residual = factors @ (score(y) * bells + u / width * bells) * step
    root = np.sqrt(weight @ bells)
    design, largest = np.column_stack([np.ones_like(y), y]), 0.0
    for t in y[::10]:
        atom = np.maximum(y - t, 0)
        fitted = design @ np.linalg.lstsq(design * root[:, None], atom * root, rcond=None)[0]
        largest = max(largest, abs(residual @ (atom - fitted)))
    return largest


@pytest.mark.parametrize("width", [0.2, 1.0])
def test_the_noise_is_that_of_its_definition(width):
    rng = np.random.default_rng(0)
    x, weight = np.sort(rng.standard_normal(7)), rng.uniform(0.5, 3.0, 7)
    process = SmoothStein(x, weight, width)
    drawn = process.largest(np.sin(process.grid.position), 4, np.random.default_rng(3))
    factors = np.random.default_rng(3).standard_normal((4, 7)) * np.sqrt(weight)
    for row, value in zip(factors, drawn, strict=True):
        # Sharing a sample between two positions of the grid widens its bell by a per cent at most.
        assert value == pytest.approx(literal_largest(x, weight, width, np.sin, row), rel=0.02)


@pytest.mark.parametrize("ratio", [3.0, 0.3, 0.02])
@pytest.mark.parametrize("rounding", [0.0, 0.5])
def test_gaussian_data_keep_their_line(ratio, rounding):
    straight = 0
    for seed in range(30):
        x = np.random.default_rng(seed).standard_normal(120)
        x = rounding * np.round(x / rounding) if rounding else x
        objective = select(x, ratio)
        beta = cs.select_beta(objective, "bootstrap", 0, skip=True, n_replicates=30)
        straight += beta >= cs.beta_bounds(objective, skip=True).linear
    # Three standard errors about 27 of 30; the quantile is a safe one.
    assert straight >= 22


@pytest.mark.parametrize("ratio", [1.0, 0.3, 0.1])
def test_the_choice_denoises_better_than_a_line_and_has_a_density(ratio):
    noisy = MIXTURE.sample(4000, rng=1, sigma=ratio)
    exact = MIXTURE.score(noisy, ratio)
    for activation in ("relu", "abs"):
        solution = cs.solve(select(DATA, ratio), "auto", activation, skip=True, tol=1e-4)
        line = -(noisy - DATA.mean()) / (DATA.var() + ratio**2)
        errors = [np.mean((score - exact) ** 2) for score in (solution.network(noisy), line)]
        assert errors[0] < 0.35 * errors[1]
        assert not solution.network.piecewise.failing_tails


def test_auto_is_the_combined_rule_and_activations_agree():
    objective = select(DATA, 0.3)
    beta = cs.select_beta(objective, rng=0)
    assert cs.solve(objective, "auto", tol=1e-3).beta == beta
    relu, absolute = (
        cs.select_beta(objective, "bootstrap", 0, activation=name, skip=True, n_iterations=1)
        for name in ("relu", "abs")
    )
    assert absolute == pytest.approx(2 * relu, rel=1e-6)
    assert cs.select_beta(objective, "cv", 0, skip=True) < cs.beta_bounds(objective, skip=True).linear


@pytest.mark.parametrize("method", ["combined", "bootstrap", "cv"])
def test_weights_are_frequencies_and_order_does_not_matter(method):
    x, weight = DATA[:40], np.arange(40) % 4
    repeated = np.random.default_rng(1).permutation(np.repeat(x, weight))
    given, same = select(x, 0.3, weight), select(repeated, 0.3)
    assert cs.select_beta(given, method, 0) == cs.select_beta(same, method, 0)


def test_powers_of_two_change_nothing():
    beta = cs.select_beta(select(DATA, 0.3), rng=0, skip=True)
    for power in (40, -70):
        scaled = select(np.ldexp(DATA, power), np.ldexp(0.3, power))
        assert cs.select_beta(scaled, rng=0, skip=True) == beta


@pytest.mark.parametrize("x", [[2.0], [2.0, 2.0], [0.0, 1.0], [-1.0, 1.0, 9.0]])
@pytest.mark.parametrize("skip", [False, True])
def test_few_samples(x, skip):
    objective = select(x, 0.5)
    assert cs.select_beta(objective, rng=0, skip=skip) > 0
    assert cs.solve(objective, "auto", skip=skip).status in ("optimal", "closed_form")
    with pytest.raises(ValueError, match="X: expected at least 10 distinct values for method='cv'"):
        cs.select_beta(objective, "cv", skip=skip)


def test_an_outlier_far_away_does_not_take_for_ever():
    x = np.append(DATA, 5e3)
    assert 0 < cs.select_beta(select(x, 0.1), rng=0, skip=True, n_replicates=20) < x.size
