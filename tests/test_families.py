"""One problem checked once, one table of families: what they accept, choose, refuse and say."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.families import FAMILIES, SOLVERS, family_of
from convexscore.problem import Problem

LINE = np.random.default_rng(0).standard_normal(12)
PLANE = LINE.reshape(-1, 2)
SPACE = LINE.reshape(-1, 3)
EXPECTED = cs.DenoisingScoreMatching.expected(LINE, 0.5)
ONES = np.ones((1, 6), dtype=bool)


@pytest.mark.parametrize(
    ("data", "arguments", "beta", "solver", "name"),
    [
        (LINE, {}, 9.0, "auto", "networks with one feature"),
        (LINE, {}, 0.0, "auto", "networks with one feature"),
        (LINE, {}, 0.0, "least_squares", "networks without weight decay"),
        (LINE, {}, 9.0, "column_generation", "networks with several features or without bias"),
        (LINE, {"bias": False}, 9.0, "auto", "networks with several features or without bias"),
        (LINE, {"gated": True}, 9.0, "auto", "gated networks"),
        (PLANE, {}, None, "auto", "networks with several features or without bias"),
        (PLANE, {}, 0.0, "auto", "networks without weight decay"),
        (PLANE, {"patterns": ONES}, 0.0, "auto", "networks without weight decay"),
        (PLANE, {"gated": True, "penalty": "ridge"}, 9.0, "auto", "gated networks with a squared penalty"),
        (EXPECTED, {}, 1.0, "auto", "expected denoising"),
    ],
)
def test_a_problem_has_one_family(data, arguments, beta, solver, name):
    assert family_of(Problem(data, **arguments), beta, solver).name == name


# Kind of argument without effect, and what the message must begin with.
WITHOUT_EFFECT = [
    (LINE, 9.0, {"penalty": "ridge"}, ValueError, "penalty: expected 'nuclear'"),
    (EXPECTED, 1.0, {"penalty": "ridge"}, ValueError, "penalty: expected 'nuclear'"),
    (PLANE, 9.0, {"penalty": "ridge"}, ValueError, "penalty: expected 'nuclear'"),
    (PLANE, 0.0, {"penalty": "ridge", "gated": True}, ValueError, "penalty: expected 'nuclear'"),
    (
        PLANE,
        9.0,
        {"n_starts": 50},
        TypeError,
        "solver_options: solver 'column_generation' does not know n_st",
    ),
    (PLANE, 9.0, {"max_boxes": 5}, TypeError, r"solver_options: .* does not know max_boxes"),
    (LINE, 9.0, {"max_boxes": 5}, TypeError, r"solver_options: .* does not know max_boxes"),
    (SPACE, 9.0, {"max_boxes": 5, "gated": True}, TypeError, r"solver_options: .* does not know max_boxes"),
    (PLANE, 9.0, {"max_patterns": 5}, TypeError, r"solver_options: .* does not know max_patterns"),
    (SPACE, 9.0, {"max_patterns": 5}, TypeError, r"solver_options: .* does not know max_patterns"),
    (PLANE, 9.0, {"gated": True, "max_iterations": 5}, TypeError, "does not know max_iterations"),
    (PLANE, 9.0, {"gated": True, "start": None}, TypeError, "does not know start"),
    (EXPECTED, 1.0, {"max_iterations": 5}, TypeError, "'refined_grid' does not know max_iterations"),
    (LINE, 99.0, {"solver": "closed_form", "verbose": True}, ValueError, "verbose: expected False"),
    (PLANE, 9.0, {"patterns": ONES}, ValueError, "patterns: expected None"),
    (LINE, 9.0, {"patterns": ONES}, ValueError, "patterns: expected None"),
    (EXPECTED, 1.0, {"bias": False}, ValueError, "objective: expected denoising takes networks with bias"),
    (EXPECTED, 1.0, {"gated": True}, ValueError, "objective: expected denoising takes networks with bias"),
    (PLANE, "auto", {"gated": True}, ValueError, "beta: expected a number for gated networks, got 'auto'"),
    (PLANE, 9.0, {"shape": "log-concave"}, ValueError, "shape: expected none"),
    (PLANE, 9.0, {"refit": True}, ValueError, "refit: expected none"),
    (LINE, 9.0, {"refit": True, "solver": "column_generation"}, ValueError, "solver: expected one of"),
    (LINE, 9.0, {"shape": "log-concave", "solver": "column_generation"}, ValueError, "solver: expected one"),
    (LINE, 0.0, {"shape": "log-concave", "solver": "least_squares"}, ValueError, "solver: expected one of"),
]


@pytest.mark.parametrize(("data", "beta", "arguments", "error", "message"), WITHOUT_EFFECT)
def test_an_argument_without_effect_is_refused(data, beta, arguments, error, message):
    with pytest.raises(error, match=message):
        cs.solve(data, beta, **arguments)


@pytest.mark.parametrize("data", [LINE, PLANE, SPACE, EXPECTED])
@pytest.mark.parametrize("gated", [False, True])
def test_a_wrong_solver_is_told_all_the_right_ones(data, gated):
    if data is EXPECTED and gated:
        return
    with pytest.raises(ValueError, match="solver: expected one of 'auto', ") as caught:
        cs.solve(data, 9.0, gated=gated, solver="simplex")
    problem = Problem(data, gated=gated)
    for name in SOLVERS:
        takes = any(family.admits(problem, 9.0) and name in family.solvers for family in FAMILIES)
        assert (f"'{name}'" in str(caught.value)) == (takes or name == "auto")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bias": False}, "objective: expected denoising takes networks with bias"),
        ({"gated": True}, "objective: expected denoising takes networks with bias"),
        ({"patterns": ONES}, "objective: expected denoising takes networks with bias"),
    ],
)
def test_thresholds_refuse_what_has_no_effect(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.beta_bounds(EXPECTED, **arguments)


@pytest.mark.parametrize(
    ("data", "method", "options", "named"),
    [
        (LINE, "cv", {"n_replicates": 30}, "n_replicates"),
        (LINE, "cv", {"share": 0.4}, "share"),
        (LINE, "cv", {"confidence": 0.8}, "confidence"),
        (LINE, "bootstrap", {"n_folds": 3}, "n_folds"),
        (EXPECTED, "bootstrap", {"n_folds": 3}, "n_folds"),
        (EXPECTED, "cv", {"share": 0.4}, "share"),
        (PLANE, "bootstrap", {"n_folds": 3}, "n_folds"),
        (PLANE, "combined", {"n_folds": 3}, "n_folds"),
    ],
)
def test_the_choice_of_the_weight_decay_refuses_what_has_no_effect(data, method, options, named):
    with pytest.raises(TypeError, match=rf"^{named}: expected none for method='{method}'"):
        cs.select_beta(data, method, 0, **options)


def test_the_automatic_weight_decay_is_that_of_the_data_whatever_the_solver():
    x = np.random.default_rng(1).standard_normal(60)
    x[:30] += 6
    beta = cs.select_beta(x, "combined", 0, skip=False)
    for solver in ("auto", "clarabel", "column_generation"):
        assert cs.solve(x, "auto", solver=solver).beta == beta
    one, other = (
        cs.NoiseConditionalScore.fit(x, [2.0, 1.0], n_draws=1, rng=0, solver=solver).solutions
        for solver in ("auto", "column_generation")
    )
    assert [level.beta for level in one] == [level.beta for level in other]


def test_replicates_count_in_several_dimensions():
    X = np.random.default_rng(3).standard_normal((40, 2))
    X[:20] += 6
    few, many = (cs.select_beta(X, rng=0, n_replicates=number) for number in (40, 160))
    assert few == cs.select_beta(X, rng=0)
    assert many != few


@pytest.mark.parametrize(("name", "value"), [("beta_min", 3.0), ("max_pieces", 10)])
def test_paths_on_a_grid_refuse_what_ends_exact_ones(name, value):
    with pytest.raises(ValueError, match=f"{name}: expected none beside betas"):
        cs.regularization_path(LINE, betas=[9.0, 5.0], **{name: value})


@pytest.mark.parametrize("options", [{"gated": True}, {"gated": True, "penalty": "ridge"}])
def test_levels_of_noise_start_only_where_a_solver_can(options):
    score = cs.NoiseConditionalScore.fit(PLANE, [2.0, 1.0], 5.0, n_draws=2, rng=0, **options)
    assert len(score.networks) == 2
    with pytest.raises(ValueError, match="beta: expected a number for gated networks"):
        cs.NoiseConditionalScore.fit(PLANE, [2.0, 1.0], "auto", n_draws=2, rng=0, **options)


def test_levels_of_noise_without_weight_decay():
    score = cs.NoiseConditionalScore.fit(PLANE, [2.0, 1.0], 0.0, n_draws=1, rng=0, bias=False)
    assert [solution.stats.solver for solution in score.solutions] == ["least_squares"] * 2


@pytest.mark.parametrize(
    ("data", "beta", "arguments"),
    [
        (LINE, 4.0, {}),
        (LINE, 4.0, {"shape": "log-concave"}),
        (PLANE, 5.0, {}),
        (PLANE, 5.0, {"gated": True}),
        (PLANE, 5.0, {"gated": True, "penalty": "ridge"}),
        (cs.DenoisingScoreMatching(PLANE, -PLANE), 0.0, {}),
        (EXPECTED, 1.0, {}),
    ],
)
def test_progress_is_shown_on_request_only(data, beta, arguments, capfd):
    cs.solve(data, beta, **arguments)
    assert capfd.readouterr() == ("", "")
    cs.solve(data, beta, verbose=True, **arguments)
    out, err = capfd.readouterr()
    assert out == ""
    assert err


@pytest.mark.parametrize(
    ("data", "beta", "arguments", "theorem"),
    [
        (LINE, 4.0, {}, "3.1"),
        (LINE, 4.0, {"activation": "abs"}, "A.4"),
        (LINE, 4.0, {"skip": True}, "A.5"),
        (LINE, 8.0, {"activation": "abs", "skip": True}, "A.6"),
        (cs.DenoisingScoreMatching(LINE, -LINE), 0.1, {}, "4.1"),
        (cs.DenoisingScoreMatching(LINE, -LINE), 0.1, {"activation": "abs", "skip": True}, "B.3"),
        (cs.DenoisingScoreMatching(PLANE, -PLANE), 0.0, {"bias": False}, "4.2"),
        (LINE, 4.0, {"refit": True}, None),
        (PLANE, 5.0, {}, None),
        (PLANE, 5.0, {"gated": True}, None),
    ],
)
def test_a_solution_names_its_theorem(data, beta, arguments, theorem):
    assert cs.solve(data, beta, **arguments).theorem == theorem


def test_score_matching_without_weight_decay_names_its_theorem():
    X = np.array([[1.0, 0.2], [0.3, 1.0], [2.0, 0.4], [0.1, 1.0], [0.5, 0.5]])
    solution = cs.solve(X, 0.0, bias=False, patterns=np.ones((1, 5), dtype=bool))
    assert solution.status == "optimal"
    assert solution.theorem == "3.2"


def test_tolerances_are_those_of_the_family():
    certificate = cs.solve(LINE, 4.0).certificate
    assert certificate.meets(1e-8)
    assert not cs.Certificate(1.0, 0.9, 0.1, 0.0, "global").meets(1e-2)
    assert cs.Certificate(1.0, 0.9, 0.1, 0.0, "global").meets(0.2)
    assert not cs.Certificate(1.0, 1.0, 0.0, 0.3, "global", violation_scale=2.0).meets(0.1)
    assert cs.Certificate(1.0, 1.0, 0.0, 0.3, "global", violation_scale=2.0, rounding=0.2).meets(0.1)
    with pytest.raises(ValueError, match="tol: expected a number above 0"):
        cs.solve(LINE, 4.0, tol=0.0)
