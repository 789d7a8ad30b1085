"""Denoisers compared: quadratures against sums over samples, and the bound against what it bounds."""

import numpy as np
import pytest

import convexscore as cs
from paper_figs import certified_denoisers as experiment

from .drawings import drawn_quickly

LAW = experiment.LAWS["two modes"]


def test_the_error_of_a_denoiser_is_a_mean_over_noisy_points():
    rng = np.random.default_rng(0)
    y = LAW.sample(400_000, rng=rng) + 0.3 * rng.standard_normal(400_000)
    gap = (0.3**2 * (-0.8 * y - LAW.score(y, 0.3))) ** 2
    error = gap.std() / np.sqrt(gap.size)
    assert experiment.denoising_error(lambda y: -0.8 * y, LAW, 0.3) == pytest.approx(
        gap.mean(), abs=4 * error
    )
    assert experiment.denoising_error(lambda y: LAW.score(y, 0.3), LAW, 0.3) == 0


def test_the_width_of_the_kernel_is_the_best_of_a_literal_search():
    X = LAW.sample(30, rng=1)
    widths = np.geomspace(0.02, 1.0, 60) * X.std()

    def value(h):
        return sum(
            np.log(np.mean([np.exp(-0.5 * ((x - z) / h) ** 2) / h for j, z in enumerate(X) if j != i]))
            for i, x in enumerate(X)
        )

    with np.errstate(divide="ignore"):
        assert experiment.kernel_width(X) == pytest.approx(max(widths, key=value))


def test_fisher_information_and_errors_of_a_gaussian_have_closed_forms():
    law = cs.targets.GaussianMixture([1.0], [0.3], 0.5)
    t = 0.4
    v = np.exp(-2 * t) * 0.25 - np.expm1(-2 * t)
    assert experiment._fisher(law, t) == pytest.approx(1 / v, rel=1e-8)
    # A score that is wrong by a constant in the process that does not shrink.
    square, product = experiment._score_errors(lambda y, s: law.score(y, s) + 0.2, law, t)
    assert square == pytest.approx((0.2 * np.exp(t)) ** 2, rel=1e-8)
    assert product == pytest.approx(0.0, abs=1e-10)
    assert experiment._slope(law, np.array([0.0, t])) == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_bound_holds_and_knows_of_errors(shift):
    def score(y, sigma):
        return LAW.score(y, sigma) + shift

    row = experiment.fed_bound(score, LAW, np.geomspace(experiment.LARGEST, experiment.SMALLEST, 21))
    assert 0 < row["total_variation"] < row["girsanov"] < row["lecture_total"]
    assert (row["score_error"] > 0) == (shift > 0)


def test_a_quick_run_says_what_it_claims():
    figure, numbers = drawn_quickly("certified_denoisers")
    assert len(figure.axes) == 3
    assert numbers["claims"]["total variation never exceeds Girsanov's bound"]
    assert numbers["claims"]["every certified network is optimal to a relative gap of 1e-6"]
    for table in (numbers["error_by_size"], numbers["error_by_law_and_level"], numbers["standard_errors"]):
        for row in table.values():
            assert set(row) == set(experiment.METHODS)
            assert np.isfinite(list(row.values())).all()
