"""Figures of data with limits: densities jump there, and scores end."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.integrate import trapezoid

import convexscore as cs
from convexscore.plotting import (
    ScoreDisplay,
    plot_certificate,
    plot_density,
    plot_field,
    plot_fit,
    plot_score,
)

mpl.use("Agg")

DURATIONS = np.random.default_rng(0).exponential(size=300)
SOLUTION = cs.solve(cs.ScoreMatching(DURATIONS, support=(0, None)), 4.0, skip=True, tails="integrable")
SHARES = cs.ScoreDensity(SOLUTION.network, support=(0.0, 1.0))
FAR = cs.ScoreDensity(cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [2.0], [[-1.0]]), support=(-30.0, None))


@pytest.fixture
def ax():
    return Figure().subplots()


def curve(ax, name):
    (line,) = [line for line in ax.lines if line.get_label() == name]
    return line.get_xdata(), line.get_ydata()


DENSITY, SCORE = "exact density of the score", "score"


@pytest.mark.parametrize("data", [None, DURATIONS])
@pytest.mark.parametrize("density", [SOLUTION, SOLUTION.density(), SHARES], ids=["fit", "half-line", "share"])
def test_densities_are_zero_beyond_a_limit_and_jump_there(ax, density, data):
    x, height = curve(plot_density(density, data, ax=ax), DENSITY)
    law = density.density() if isinstance(density, cs.Solution) else density
    assert ax.get_xlim() == (x[0], x[-1])
    assert x[0] < 0
    assert height[:2].tolist() == [0.0, 0.0]
    assert x[1:3].tolist() == [0.0, 0.0]
    assert height[2] == pytest.approx(float(law.pdf(0.0)))
    assert height[2] > 0.5
    if law is SHARES:
        assert x[-3:-1].tolist() == [1.0, 1.0]
        assert height[-2:].tolist() == [0.0, 0.0]
    assert trapezoid(height, x) == pytest.approx(float(law.cdf(x[-1])), abs=1e-3)


def test_a_limit_far_from_the_mass_is_not_shown(ax):
    x, height = curve(plot_density(FAR, ax=ax), DENSITY)
    assert x[0] > -3
    assert (height > 0).all()


def test_scores_end_at_a_limit(ax):
    x, _ = curve(plot_score(SOLUTION, ax=ax), SCORE)
    assert x[0] == 0.0
    assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1] == x[-1]
    x, values = curve(plot_score(SOLUTION.network, support=(0.5, 2.0), ax=Figure().subplots()), SCORE)
    assert (x[0], x[-1]) == (0.5, 2.0)
    np.testing.assert_allclose(values, SOLUTION.network(x))


def test_a_network_is_shown_with_the_limits_that_are_given():
    upper, lower = plot_fit(SOLUTION.network, DURATIONS, support=(0, None), ax=Figure().subplots()).child_axes
    first, second = plot_fit(SOLUTION, ax=Figure().subplots()).child_axes
    for one, other, name in ((upper, first, DENSITY), (lower, second, SCORE)):
        np.testing.assert_array_equal(curve(one, name), curve(other, name))
    whole, _ = plot_fit(SOLUTION.network, DURATIONS, ax=Figure().subplots()).child_axes
    assert (curve(whole, DENSITY)[1] > 0).all()


def test_displays_end_at_a_limit(ax):
    estimator = cs.ConvexScoreEstimator("certified", support=[0, None], beta=9.0).fit(DURATIONS[:, None])
    for thing in (SOLUTION, estimator):
        points = ScoreDisplay.from_estimator(thing, DURATIONS[:, None], ax=ax).points[:, 0]
        assert points[0] == 0 < DURATIONS.min()
        assert points[-1] > DURATIONS.max()
    whole = ScoreDisplay.from_estimator(SOLUTION.network, DURATIONS[:, None], ax=ax).points
    assert whole.min() < 0


def test_limits_without_effect_are_refused(ax):
    for draw in (plot_fit, plot_score):
        with pytest.raises(ValueError, match="support: expected None for a Solution, which knows its own"):
            draw(SOLUTION, support=(0, None), ax=ax)
        with pytest.raises(ValueError, match="support: expected one pair of limits, or None, for each of 2"):
            draw(lambda x: -x, np.eye(2), support=(0, None), ax=ax)
        with pytest.raises(ValueError, match="support: expected a lower end below"):
            draw(SOLUTION.network, support=(1, 0), ax=ax)


def test_certificates_have_their_own_neurons_on_the_band(ax):
    plot_certificate(SOLUTION, ax=ax)
    (own,) = [line for line in ax.lines if "own" in line.get_label()]
    np.testing.assert_allclose(np.abs(own.get_ydata()), 4.0, rtol=1e-8)


def test_solutions_say_their_support():
    assert "on [0, inf]" in repr(SOLUTION)
    assert "support      [0, inf]" in str(SOLUTION)
    page = SOLUTION._repr_html_()
    assert "[0, inf]" in page
    whole = cs.solve(DURATIONS, 4.0, skip=True)
    assert "support" not in str(whole) + whole._repr_html_()


def test_fields_end_at_the_box():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.exponential(size=200), rng.beta(1.0, 2.0, size=200)])
    objective = cs.ScoreMatching(X, support=[(0, None), (0, 1)])
    solution = cs.solve(objective, 4.0, skip=True, conservative=True)
    density = solution.density()
    for draw, thing in ((plot_field, solution), (plot_fit, solution), (plot_density, density)):
        ax = draw(thing, X, ax=Figure().subplots())
        arrows = [part.XY for part in ax.collections if hasattr(part, "XY")]
        contours = [
            path.vertices
            for part in ax.collections
            if not hasattr(part, "XY")
            for path in part.get_paths()
            if len(path.vertices)
        ]
        lines = np.concatenate([*arrows, *contours])
        assert (lines.min(axis=0) >= [0, 0]).all()
        assert lines[:, 1].max() <= 1
        assert ax.get_ylim()[1] > 1
