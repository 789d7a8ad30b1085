"""The regularization path: linear pieces that pass through independently solved points."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convexscore as cs
from tests.problems import DATA, KINDS, make_data, make_objective, problems, value_scale


def agrees(path, beta, tol=1e-8):
    solution = path.solution(beta)
    reference = cs.solve(path.objective, beta, path.activation, path.skip)
    scale = value_scale(path.objective, reference.value)
    assert abs(solution.value - reference.value) <= tol * scale
    size = max(beta, path.objective.weights.sum())
    assert solution.certificate.max_violation <= 1e-7 * size
    assert solution.certificate.scope == "global"


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_the_exact_path_passes_through_independent_solutions(name, activation, skip, data):
    objective = make_objective(name, *make_data(data))
    bounds = cs.beta_bounds(objective, activation, skip)
    end = max(1.3 * bounds.minimum, 0.01 * bounds.linear)
    path = cs.regularization_path(objective, activation, skip, beta_min=end)
    assert path.exact
    assert path.betas[0] == bounds.maximum
    assert path.betas[-1] == end
    assert (np.diff(path.betas) < 0).all()
    for share in np.random.default_rng(0).random(25):
        agrees(path, float(end + share * (1.2 * bounds.maximum - end)))
    for beta in path.betas[:: max(1, path.betas.size // 10)]:
        agrees(path, float(beta))


@settings(max_examples=60)
@given(problems(), st.floats(0.0, 1.0))
def test_paths_of_small_problems_hold_everywhere(problem, share):
    objective, _, activation, skip = problem
    bounds = cs.beta_bounds(objective, activation, skip)
    end = max(1.5 * bounds.minimum, 0.02 * bounds.linear)
    assume(end < bounds.maximum)
    path = cs.regularization_path(objective, activation, skip, beta_min=end)
    agrees(path, end + share * (bounds.maximum - end), tol=1e-7)


def test_the_path_is_linear_between_breakpoints_and_kinks_change_at_them():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    path = cs.regularization_path(objective, skip=True, beta_min=10.0)
    x = np.linspace(1.6, 5.1, 50)
    for top, bottom in zip(path.betas[1:-2], path.betas[2:-1], strict=True):
        ends = [path.solution(top * (1 - 1e-12)).network(x), path.solution(bottom).network(x)]
        middle = path.solution((top + bottom) / 2).network(x)
        np.testing.assert_allclose(middle, (ends[0] + ends[1]) / 2, atol=1e-8)
    inner = [cs.solve(objective, beta * (1 - 1e-6), skip=True).network.kinks.size for beta in path.betas[:-1]]
    np.testing.assert_array_equal(path.n_kinks[:-1], inner)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_a_grid_is_solved_at_its_values(name, activation, skip):
    objective = make_objective(name, *make_data("weighted"))
    bounds = cs.beta_bounds(objective, activation, skip)
    grid = np.geomspace(1.2 * bounds.minimum + 0.01 * bounds.linear, 1.5 * bounds.maximum, 12)
    path = cs.regularization_path(objective, activation, skip, betas=grid)
    assert not path.exact
    np.testing.assert_array_equal(path.betas, grid[::-1])
    for beta in grid:
        agrees(path, float(beta))
    assert [s.beta for s in path.solutions()] == path.betas.tolist()
    with pytest.raises(ValueError, match="beta: expected one of"):
        path.solution(float(grid[0]) * 1.01)


def test_bad_arguments_are_named():
    objective = cs.ScoreMatching([0.0, 1.0, 1.0, 3.0, 7.0])
    with pytest.raises(cs.UnboundedError, match="betas: expected at least 1"):
        cs.regularization_path(objective, betas=[0.5, 2.0])
    with pytest.raises(cs.UnboundedError, match="beta_min: expected at least 1"):
        cs.regularization_path(objective, beta_min=0.5)
    with pytest.raises(ValueError, match="betas: expected numbers of at least 0"):
        cs.regularization_path(objective, betas=[])
    with pytest.raises(cs.ConvergenceError, match="max_pieces: expected a path of at most 1 pieces"):
        cs.regularization_path(objective, max_pieces=1)
    path = cs.regularization_path(objective, beta_min=2.0)
    with pytest.raises(ValueError, match="beta: expected at least 2"):
        path.solution(1.9)


def test_the_plot_shows_every_kinks_life():
    from matplotlib.figure import Figure

    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    path = cs.regularization_path(objective, skip=True, beta_min=10.0)
    ax = path.plot(ax=Figure().subplots())
    drawn = sum(len(lines.get_segments()) for lines in ax.collections)
    assert drawn == path.n_kinks[:-1].sum()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_legend() is not None


def test_the_plot_of_a_path_without_kinks_is_on_the_current_axes():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure()
    try:
        path = cs.regularization_path(cs.ScoreMatching([-1.0, -0.8, 0.8, 1.0]), beta_min=2.0)
        assert not path.n_kinks.any()
        ax = path.plot()
        assert ax is figure.gca()
        assert not ax.collections
        assert ax.get_legend() is None
    finally:
        plt.close(figure)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("skip", [False, True])
def test_a_denoising_path_reaches_interpolation(activation, skip):
    objective = make_objective("dsm", *make_data("random", n=10))
    path = cs.regularization_path(objective, activation, skip, beta_min=0.0)
    assert path.betas[-1] == 0.0
    np.testing.assert_allclose(path.solution(0.0).network(objective.X), objective.targets, atol=1e-7)


def test_a_path_solution_that_misses_its_tolerance_says_so(monkeypatch):
    path = cs.regularization_path(cs.ScoreMatching([0.0, 1.0, 1.0, 3.0, 7.0]), beta_min=2.5)
    monkeypatch.setattr(cs.Certificate, "meets", lambda *_: False)
    with pytest.warns(cs.ConvergenceWarning, match="misses tol"):
        assert path.solution(3.0).status == "inaccurate"


def test_kinks_that_enter_slowly_are_not_missed():
    # Where a correlation passes the band's edge slowly, the solution just below a breakpoint differs by less
    # than rounding from one without the kink that enters there.
    eruptions = cs.datasets.load_old_faithful()["eruptions"]
    for scale in (1.0, 0.4):
        objective = cs.DenoisingScoreMatching.from_clean(scale * eruptions, 0.5 * scale, rng=0)
        path = cs.regularization_path(objective, skip=True)
        for beta in 0.5 * (path.betas[:-1] + path.betas[1:]):
            agrees(path, float(beta), 1e-12)
            assert path.solution(float(beta)).certificate.max_violation <= 1e-10 * beta
