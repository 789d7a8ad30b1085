"""Bounds and choice of the weight decay in several dimensions."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate import selection
from convexscore.multivariate.bootstrap import NeuronNoise
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.program import NeuronProgram
from convexscore.objectives import distinct_rows
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


@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_noise_is_that_of_its_terms(name):
    """The largest correlation of a draw against the literal sum over samples, on the directions searched."""
    X = np.random.default_rng(1).standard_normal((15, 2))
    # Points that come twice, for denoising with two labels.
    X[10:] = X[:5]
    labels = np.random.default_rng(2).standard_normal((15, 2))
    weights = np.linspace(0.5, 2, 15)
    rows = distinct_rows(
        cs.ScoreMatching(X, weights)
        if name == "sm"
        else cs.DenoisingScoreMatching(X, labels, sample_weight=weights)
    )
    program = NeuronProgram.from_objective(rows, "relu", True, True)
    noise = NeuronNoise(rows, program, 3, np.random.default_rng(0), n_directions=20)
    found = noise.largest(program.zero_residual)
    factors = np.random.default_rng(0).standard_normal((3, len(rows.X))) * np.sqrt(rows.weights)
    which = np.array([int(np.flatnonzero((program.points == row).all(axis=1))[0]) for row in rows.X])
    score = (program.zero_residual / program.root_mass + program.target)[which]
    Z, places = score - program.scale * rows.targets, program.rows[which]
    F, w = program.free[which], rows.weights[:, None]
    onto_free = np.linalg.solve(F.T @ (w * F), F.T * rows.weights)
    for value, drawn in zip(found, factors, strict=True):
        largest = 0.0
        for u in noise.directions:
            for pivot in program.rows:
                height = (places - pivot) @ u
                for at_pivot in (False, True):
                    slope = (height > 1e-14) | (at_pivot & (np.abs(height) < 1e-14))
                    feature = slope * height
                    smooth = (feature - F @ (onto_free @ feature)) @ (drawn[:, None] * Z)
                    # The trace of the skip's own terms is taken up with the feature's coefficients on it.
                    trace = (slope @ drawn) * u - drawn.sum() * (onto_free @ feature)[1:]
                    largest = max(largest, np.linalg.norm(smooth + trace * rows.has_trace))
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


@pytest.mark.parametrize("width", [0.0, 0.5])
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
def test_gaussian_data_keep_their_line_however_rounded(width):
    kept = 0
    for rng in np.random.default_rng(4).spawn(30):
        X = rng.standard_normal((50, 2)) @ [[1.0, 0.5], [0.0, 2.0]]
        X = width * np.rint(X / width) if width else X
        beta = cs.select_beta(X, rng=0, skip=True, n_replicates=15)
        kept += cs.solve(X, beta, skip=True).network.n_neurons == 0
    # Three standard errors below 27.
    assert kept >= 22


def tied_data(seed):
    """Planar or spatial data with ties: rounded, on a lattice, a binary column, a point repeated."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 25))
    kind = seed % 4
    if kind == 0:
        return np.round(2 * rng.standard_normal((n, 2))) / 2
    if kind == 1:
        return rng.integers(0, 3, (n, 2)).astype(float)
    if kind == 2:
        return np.column_stack([rng.integers(0, 2, n), rng.standard_normal(n)])
    X = np.concatenate([rng.standard_normal((n, 2)), np.full((n, 2), 1.5)])
    return np.column_stack([X, rng.standard_normal(2 * n).round()]) if seed % 8 == 7 else X


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
def test_auto_is_bounded_on_tied_data(seed):
    X = tied_data(seed)
    rng = np.random.default_rng(seed)
    activation, skip, bias = rng.choice(["relu", "abs"]), bool(rng.integers(2)), bool(rng.integers(2))
    weights = rng.integers(1, 4, len(X)).astype(float) if rng.integers(2) else None
    objective = cs.ScoreMatching(X, weights)
    if skip and np.linalg.matrix_rank(X - bias * X.mean(axis=0)) < X.shape[1]:
        skip = False
    solution = cs.solve(objective, "auto", str(activation), skip, bias=bias)
    assert np.isfinite(solution.certificate.dual)
    if X.shape[1] == 2 and len(np.unique(X, axis=0)) <= 12:
        minimum = cs.beta_bounds(objective, str(activation), skip, bias=bias).minimum
        assert solution.beta >= minimum


@pytest.mark.parametrize("skip", [False, True])
def test_auto_is_bounded_where_rounding_puts_many_points_on_lines(skip):
    rng = np.random.default_rng(2)
    flowers = np.round(np.concatenate([rng.normal(5, 0.35, (50, 2)), rng.normal(6.3, 0.3, (100, 2))]), 1)
    flowers[:, 1] = np.round(rng.normal(3, 0.25, 150), 1)
    with pytest.warns(UserWarning, match=r"^beta: one value holds .* % of column 1 of X") as caught:
        solution = cs.solve(flowers, "auto", skip=skip)
    assert caught[0].filename == __file__
    heaviest = np.unique(flowers[:, 1], return_counts=True)[1].max()
    # Two neurons with one kink line cancel but for its points: twice the weight decay for their number.
    assert solution.beta >= heaviest / 2
    with pytest.raises(cs.UnboundedError):
        cs.solve(flowers, 0.49 * heaviest, skip=skip)


def test_auto_takes_a_column_that_is_constant():
    X = np.column_stack([np.random.default_rng(0).standard_normal(20), np.ones(20)])
    assert np.isfinite(cs.solve(X, "auto").certificate.dual)
    with pytest.raises(cs.UnboundedError, match="data in a hyperplane"):
        cs.solve(X, "auto", skip=True)


def test_where_a_fit_shows_it_bounded_the_bound_is_not_computed(monkeypatch):
    def refused(*arguments):
        raise AssertionError("the boundedness bound takes minutes")

    X = np.random.default_rng(3).standard_normal((40, 2))
    X[:20] += 6
    monkeypatch.setattr(selection, "smallest_decay", refused)
    assert cs.solve(X, "auto", skip=True).network.n_neurons > 0


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
    X = clusters(60)
    objective = cs.DenoisingScoreMatching(X, 5 * np.sin(X))
    options = {"rng": 0, "n_replicates": 5, "n_iterations": 1}
    whole = cs.select_beta(objective, "bootstrap", share=1.0, **options)
    for share in (0.25, 1e-9):
        chosen = cs.select_beta(objective, "bootstrap", share=share, **options)
        assert chosen == pytest.approx(share * whole, rel=1e-12)
    assert cs.select_beta(objective, "bootstrap", **options) == pytest.approx(0.4 * whole, rel=1e-12)


@pytest.mark.parametrize("skip", [False, True])
def test_on_few_points_the_choice_stays_above_boundedness(skip):
    objective = cs.ScoreMatching(clusters(30))
    minimum = cs.beta_bounds(objective, skip=skip).minimum
    options = {"rng": 0, "n_replicates": 3, "n_iterations": 1, "share": 1e-9}
    assert minimum <= cs.select_beta(objective, "bootstrap", skip=skip, **options) <= 1.5 * minimum
