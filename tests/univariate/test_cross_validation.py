"""Cross-validation of the weight decay: its losses by a literal loop, its picks by hand."""

from itertools import pairwise

import numpy as np
import pytest

import convexscore as cs
from convexscore.objectives import distinct_rows
from convexscore.univariate import cross_validation, selection
from convexscore.univariate.cross_validation import FoldLosses, cross_validate, smoothing_width
from convexscore.univariate.grid import Grid
from convexscore.univariate.program import UnivariateProgram
from tests.problems import KINDS, make_data, make_objective

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(60)

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


def subset(objective, chosen):
    weights = None if objective.sample_weight is None else objective.sample_weight[chosen]
    if objective.has_trace:
        return cs.ScoreMatching(objective.X[chosen], weights)
    return cs.DenoisingScoreMatching(objective.X[chosen], objective.targets[chosen], sample_weight=weights)


# The rule.


def test_the_best_is_the_largest_within_the_standard_errors():
    losses = FoldLosses(
        np.array([8.0, 4.0, 2.0, 1.0]),
        # Means 3, 1.5, 1, 2; differences to the third: (1.5, 2.5), (-0.5, 1.5), 0, (1, 1).
        np.array([[2.5, 3.5], [0.5, 2.5], [1.0, 1.0], [2.0, 2.0]]),
    )
    # Their standard errors are 0.5, 1, 0, 0, so 4 is within half of one and 8 within four.
    assert losses.best() == 2
    assert losses.best(0.4999) == 2
    assert losses.best(0.5001) == 4
    assert losses.best(1.0) == 4
    assert losses.best(3.9999) == 4
    assert losses.best(4.0001) == 8


def test_only_differences_between_fits_count_as_noise():
    # The folds differ by a hundred, the fits by one in every fold: nothing is uncertain.
    losses = FoldLosses(np.array([2.0, 1.0]), np.array([[101.0, 1.0, 301.0], [100.0, 0.0, 300.0]]))
    assert losses.best(1.0) == 1
    # Betas need not be sorted, and of equals the largest is taken.
    losses = FoldLosses(np.array([1.0, 3.0, 2.0]), np.array([[5.0, 5.0], [5.0, 5.0], [4.0, 6.0]]))
    assert losses.best() == 3


def test_only_allowed_weight_decays_are_chosen_if_there_are_any():
    losses = FoldLosses(np.array([4.0, 2.0, 1.0]), np.array([[3.0, 3.0], [2.0, 2.0], [1.0, 1.0]]))
    assert losses.best(allowed=np.array([True, True, False])) == 2
    assert losses.best(allowed=np.array([True, False, False])) == 4
    assert losses.best(allowed=np.array([False, False, False])) == 1
    assert losses.best(1.0, allowed=np.array([True, False, True])) == 1


# The losses.


def literal_held_out_loss(objective, network, width):
    """The loss of each unit of weight; the trace of score matching is blurred by noise of this width."""
    x, w = objective.X[:, 0], objective.weights
    if not objective.has_trace:
        return 0.5 * w @ (network(x) - objective.targets[:, 0]) ** 2 / w.sum()
    # Between kinks the integrand is smooth.
    reach = np.array([x.min() - 10 * width, x.max() + 10 * width])
    steps = np.arange(*reach, 2 * width)
    edges = np.unique(np.concatenate([reach, steps, network.kinks]))
    edges = edges[(edges >= reach[0]) & (edges <= reach[1])]
    total = 0.0
    for low, high in pairwise(edges):
        y = 0.5 * (low + high) + 0.5 * (high - low) * NODES
        density = w @ np.exp(-0.5 * ((y - x[:, None]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
        integrand = density * (network.divergence(y) + 0.5 * network(y) ** 2)
        total += 0.5 * (high - low) * NODE_WEIGHTS @ integrand
    return total / w.sum()


def literal_cross_validation(objective, betas, activation, skip, n_folds, rng, n_repeats=1):
    n, columns = len(objective.X), []
    for _ in range(n_repeats):
        fold_of = rng.permutation(np.arange(n) % n_folds)
        for fold in range(n_folds):
            training, rest = subset(objective, fold_of != fold), subset(objective, fold_of == fold)
            share = training.weights.sum() / objective.weights.sum()
            lowest = cs.beta_bounds(training, activation, skip).minimum * (1 + 1e-6)
            column = []
            for beta in betas:
                fitted = cs.solve(training, max(np.sqrt(share) * beta, lowest), activation, skip)
                column.append(literal_held_out_loss(rest, fitted.network, smoothing_width(objective)))
            columns.append(column)
    return np.array(columns).T


@pytest.mark.parametrize("data", ["tied", "weighted"])
@every_program
def test_the_losses_are_those_of_a_literal_loop(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=17))
    bounds = cs.beta_bounds(objective, activation, skip)
    # The last is below some folds' boundedness bound, where that bound is taken.
    betas = np.array([1.1, 0.6, 0.2]) * bounds.linear + np.array([0, 0, 1]) * bounds.minimum
    betas = np.append(betas, 0.9 * bounds.minimum if name == "sm" else 0.01 * bounds.linear)
    found = cross_validate(objective, betas, activation, skip, 3, np.random.default_rng(5))
    literal = literal_cross_validation(objective, betas, activation, skip, 3, np.random.default_rng(5))
    assert (found.betas == betas).all()
    assert found.losses.shape == (4, 3)
    scale = np.abs(literal).max(axis=1, keepdims=True) + 1 / np.var(objective.X)
    np.testing.assert_allclose(found.losses / scale, literal / scale, atol=1e-7)


def test_repeated_folds_are_new_folds():
    objective = make_objective("sm", *make_data("random", n=15))
    betas = np.array([6.0, 3.0])
    found = cross_validate(objective, betas, "relu", True, 3, np.random.default_rng(5), 2)
    literal = literal_cross_validation(objective, betas, "relu", True, 3, np.random.default_rng(5), 2)
    assert found.losses.shape == (2, 6)
    np.testing.assert_allclose(found.losses, literal, rtol=1e-7)
    assert np.abs(found.losses[:, :3] - found.losses[:, 3:]).min() > 1e-3


@every_program
def test_no_kink_is_placed_at_a_point_that_is_held_out(name, activation, skip, monkeypatch):
    objective = make_objective(name, *make_data("tied", n=40))
    calls, solve = [], cross_validation.solve_many

    def recorded(grids, betas, starts=None):
        calls.append((grids, solve(grids, betas, starts)))
        return calls[-1][1]

    monkeypatch.setattr(cross_validation, "solve_many", recorded)
    linear = cs.beta_bounds(objective, activation, skip).linear
    cross_validate(objective, np.array([0.5, 0.1]) * linear, activation, skip, 5, np.random.default_rng(0))
    # The fits to all data, from whose kinks those of the folds start, and those of the folds.
    (whole, _), (grids, splines) = calls
    assert len({grid.program for grid in whole}) == 1
    programs = list(dict.fromkeys(grid.program for grid in grids))
    assert len(programs) == 5
    assert len(splines) == 10
    n_kinks = 0
    for grid, spline in zip(grids, splines, strict=True):
        n_kinks += spline.kinks.size
        assert (spline.kinks > 0).all()
        assert (spline.kinks < grid.program.position.size - 1).all()
    n_held_out = sum(len(objective.X) - round(program.total) for program in programs)
    assert all(np.isin(program.position, objective.X).all() for program in programs)
    # Every sample is held out once.
    assert n_held_out == len(objective.X)
    assert n_kinks > 0


def literal_width(x, weights):
    order = np.argsort(x)
    x, share = x[order], np.cumsum(weights[order]) / weights.sum()
    low, high = x[share >= 0.25][0], x[share >= 0.75][0]
    deviation = np.sqrt(np.average((x - np.average(x, weights=weights)) ** 2, weights=weights))
    spread = min(deviation, (high - low) / 1.34) if high > low else deviation
    # Silverman's 0.9, and 0.4 of that; weights are numbers of samples.
    return 0.4 * 0.9 * spread * weights.sum() ** (-1 / 5)


@pytest.mark.parametrize("data", ["random", "tied", "clustered", "weighted"])
def test_the_noise_of_held_out_points_has_a_share_of_silvermans_width(data):
    x, weights = make_data(data, n=33)
    width = smoothing_width(cs.ScoreMatching(x, weights))
    assert width == pytest.approx(literal_width(x, np.ones(33) if weights is None else weights), rel=1e-12)
    assert smoothing_width(cs.ScoreMatching(1024 * x, weights)) == pytest.approx(1024 * width, rel=1e-12)


def test_data_more_than_half_of_which_are_tied_have_a_width():
    x = np.array([0.0] * 9 + [1.0, 5.0])
    assert smoothing_width(cs.ScoreMatching(x)) == pytest.approx(literal_width(x, np.ones(11)), rel=1e-12)
    assert smoothing_width(cs.ScoreMatching(x)) > 0.1


# Folds whose fits are on a grid first.


def two_groups(n, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.4, 0.3 * rng.standard_normal(n) - 2, rng.standard_normal(n) + 1)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "skip"), [("sm", True), ("sm", False), ("dsm", True)])
def test_what_a_grid_shows_is_decided_by_the_fits_themselves(name, skip, seed, monkeypatch):
    monkeypatch.setattr(cross_validation, "_CELLS", 40)
    objective = distinct_rows(make_objective(name, two_groups(300, seed)))
    program = UnivariateProgram.from_objective(objective, "relu", skip)
    betas = np.geomspace(0.4, 0.02, 9) * cs.beta_bounds(objective, "relu", skip).linear
    exact = cross_validate(objective, betas, "relu", skip, 3, np.random.default_rng(2))
    fits = cross_validation.fits_on_a_grid(program, betas)
    folds = cross_validation.Folds(objective, betas, fits, 3, np.random.default_rng(2), 1)
    every = np.ones(9, dtype=bool)
    rough = folds.losses(np.arange(9), 40)
    assert np.abs(rough - exact.losses).max() > 1e-4
    assert folds.best(every) == exact.best()
    # The least of those next to one another is asked for, and what is not allowed is not taken.
    allowed = betas != exact.best()
    place = int(np.flatnonzero(~allowed)[0])
    near = exact.losses.mean(axis=1)[[place - 1, place + 1]] if 0 < place < 8 else None
    if near is not None:
        assert folds.best(allowed) == betas[place - 1 if near[0] <= near[1] else place + 1]


def test_of_very_many_samples_a_grid_decides(monkeypatch):
    monkeypatch.setattr(cross_validation, "_CELLS", 40)
    monkeypatch.setattr(cross_validation, "_FEW", 200)
    objective = distinct_rows(make_objective("sm", two_groups(300, 0)))
    betas = np.geomspace(40.0, 5.0, 5)
    fits = cross_validation.fits_on_a_grid(UnivariateProgram.from_objective(objective, "relu", True), betas)
    folds = cross_validation.Folds(objective, betas, fits, 3, np.random.default_rng(2), 1)
    rough = folds.losses(np.arange(5), 40)
    assert folds.best(np.ones(5, dtype=bool)) == FoldLosses(betas, rough).best()
    np.testing.assert_allclose(
        cross_validate(objective, betas, "relu", True, 3, np.random.default_rng(2)).losses, rough, rtol=1e-9
    )


def test_a_density_that_only_a_grid_shows_is_none(monkeypatch):
    objective = cs.ScoreMatching(two_groups(120, 0))
    chosen = cs.select_beta(objective, rng=0, skip=True)
    has_density = selection._has_density

    def seen(problem, spline):
        return has_density(problem, spline) and (isinstance(problem.blocks, Grid) or problem.beta != chosen)

    monkeypatch.setattr(selection, "_has_density", seen)
    other = cs.select_beta(objective, rng=0, skip=True)
    assert other != chosen
    assert 0.2 < other / chosen < 5


# The choice.


def whole_range(objective, activation, skip):
    bounds = cs.beta_bounds(objective, activation, skip)
    lowest = max(1e-3 * bounds.linear, 1.05 * bounds.minimum)
    return np.geomspace(max(bounds.linear, lowest), lowest, 40)


@pytest.mark.parametrize("skip", [False, True])
def test_plain_cross_validation_takes_the_one_standard_error_rule_over_the_whole_range(skip):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal(15) - 2, rng.standard_normal(15) + 2])
    objective = cs.ScoreMatching(x)
    betas = whole_range(objective, "relu", skip)
    rows = distinct_rows(objective)
    losses = cross_validate(rows, betas, "relu", skip, 4, np.random.default_rng(4))
    chosen = cs.select_beta(objective, "cv", np.random.default_rng(4), skip=skip, n_folds=4)
    assert chosen == losses.best(1.0)
    assert losses.best() < chosen < betas[0]


def test_the_combined_rule_takes_a_share_of_the_noise():
    x = make_data("clustered", n=60)[0]
    half = cs.select_beta(cs.ScoreMatching(x), "bootstrap", 3, skip=True, share=0.5)
    chosen = cs.select_beta(cs.ScoreMatching(x), "combined", 3, skip=True)
    # The bootstrap draws the same noise first.
    assert 0.25 * (1 - 1e-9) <= chosen / (2 * half) <= 1 + 1e-9
    assert chosen < cs.beta_bounds(cs.ScoreMatching(x), "relu", True).linear


def test_the_combined_rule_passes_over_scores_without_a_density(monkeypatch):
    objective = cs.ScoreMatching(np.random.default_rng(4).standard_exponential(12))
    chosen = cs.select_beta(objective, "combined", 0, skip=True)
    score = cs.solve(objective, chosen, skip=True).network
    assert not score.piecewise.failing_tails
    assert cs.ScoreDensity(score).pdf(1.0) > 0
    # The held-out loss alone would take another, whose score has none.
    plain = FoldLosses.best
    monkeypatch.setattr(FoldLosses, "best", lambda losses, allowed: plain(losses))
    unrestricted = cs.select_beta(objective, "combined", 0, skip=True)
    assert cs.solve(objective, unrestricted, skip=True).network.piecewise.failing_tails


@pytest.mark.parametrize("method", ["cv", "combined"])
@every_program
def test_choices_respect_the_bound_and_do_not_depend_on_units(name, activation, skip, method):
    # Old Faithful's eruptions are full of ties.
    x = cs.datasets.load_old_faithful()["eruptions"][:40]
    objective = make_objective(name, x)
    options = {"activation": activation, "skip": skip, "n_folds": 2}
    if method == "combined":
        options["n_replicates"] = 30
    chosen = cs.select_beta(objective, method, 1, **options)
    assert chosen >= cs.beta_bounds(objective, activation, skip).minimum
    assert cs.solve(objective, chosen, activation, skip).status in ("optimal", "closed_form")
    if name == "sm":
        moved = cs.ScoreMatching(1024 * x)
    else:
        moved = cs.DenoisingScoreMatching(1024 * x, objective.targets[:, 0] / 1024)
    assert cs.select_beta(moved, method, 1, **options) == pytest.approx(chosen, rel=1e-6)


@pytest.mark.parametrize("method", ["cv", "combined"])
def test_choices_repeat_and_depend_on_the_folds(method):
    x = cs.datasets.load_old_faithful()["eruptions"][:40]
    chosen = [cs.select_beta(cs.ScoreMatching(x), method, seed, n_folds=3) for seed in (1, 1, 2, 3)]
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1


def test_the_combined_rule_keeps_the_line_of_gaussian_data_as_often_as_it_says():
    straight = 0
    for seed in range(60):
        objective = cs.ScoreMatching(np.random.default_rng(seed).standard_normal(100))
        beta = cs.select_beta(objective, "combined", 0, skip=True, n_folds=2)
        straight += cs.solve(objective, beta, skip=True).network.n_neurons == 0
    # Three standard errors about 54, and some error of the bootstrap at n = 100.
    assert straight >= 45
