"""The program as matrices: its values are those of `solve`, and no answer is believed."""

import numpy as np
import pytest
import scipy.sparse as sp

import convexscore as cs

X = np.round(4 * np.random.default_rng(3).standard_normal(25)) / 4
OBJECTIVES = {
    "sm": cs.ScoreMatching(X, np.linspace(1, 2, 25)),
    "dsm": cs.DenoisingScoreMatching(X, np.random.default_rng(4).standard_normal(25) - X),
}
KINDS = [(name, activation, skip) for name in OBJECTIVES for activation in ("relu", "abs") for skip in (0, 1)]


def solved(program):
    """What Clarabel finds."""
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    equal = program.l == program.u
    assert (program.l[~equal] == 0).all()
    assert np.isinf(program.u[~equal]).all()
    matrix = sp.vstack([program.A[equal], -program.A[~equal]], format="csc")
    right = np.concatenate([program.l[equal], np.zeros((~equal).sum())])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int((~equal).sum()))]
    return np.asarray(clarabel.DefaultSolver(program.P, program.q, matrix, right, cones, settings).solve().x)


def value(program, x):
    return 0.5 * x @ (program.P @ x) + program.q @ x + program.constant


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_another_solver_finds_the_same_optimum(name, activation, skip):
    objective, skip = OBJECTIVES[name], bool(skip)
    beta = 1.5 * cs.beta_bounds(objective, activation, skip).minimum + 1.0
    program = cs.univariate_program(objective, beta, activation, skip)
    best = cs.solve(objective, beta, activation, skip)
    x = solved(program)
    solution = program.solution(x)
    assert value(program, x) == pytest.approx(best.value, rel=1e-6)
    assert solution.stats.solver_value == pytest.approx(value(program, x), rel=1e-12)
    assert solution.value == pytest.approx(best.value, rel=1e-6)
    assert solution.value == pytest.approx(solution.network.loss(objective, beta), rel=1e-9)
    assert (solution.status, solution.theorem, solution.beta) == ("optimal", best.theorem, beta)
    assert solution.certificate.scope == "global"
    np.testing.assert_allclose(solution.network(X), best.network(X), atol=2e-3)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_any_point_within_the_constraints_is_a_network_of_at_most_its_value(name, activation, skip):
    program = cs.univariate_program(OBJECTIVES[name], 20.0, activation, bool(skip))
    rng = np.random.default_rng(0)
    n = int((program.l == program.u).sum())
    x = rng.standard_normal(program.q.size)
    atoms = program.q.size - n - 1 - skip
    x[:atoms] = rng.exponential(size=atoms) * (rng.random(atoms) < 0.1)
    # The residuals are what they are defined to be.
    x[-n:] = 0.0
    x[-n:] = (program.A @ x - program.l)[:n]
    assert (program.A @ x >= program.l - 1e-9).all()
    with pytest.warns(cs.ConvergenceWarning):
        solution = program.solution(x)
    assert solution.status == "inaccurate"
    loss = solution.network.loss(OBJECTIVES[name], 20.0)
    assert solution.value == pytest.approx(loss, rel=1e-9)
    assert loss <= value(program, x) * (1 + 1e-9)
    assert solution.certificate.dual <= solution.value


def test_wrong_answers_are_judged_by_their_networks():
    program = cs.univariate_program(X, 12.0, skip=True)
    x = solved(program)
    infeasible = np.array(x)
    infeasible[-np.unique(X).size :] = -1e3  # residuals that are a lie: they are not read
    assert program.solution(infeasible).value == program.solution(x).value
    rng = np.random.default_rng(0)
    wrong = [1.1 * x, x + 0.01 * rng.standard_normal(x.size), np.zeros(x.size), -x]
    constant = np.array(x)
    constant[-1 - np.unique(X).size - 1] += 0.1  # the score's constant
    for answer in [*wrong, constant]:
        with pytest.warns(cs.ConvergenceWarning):
            solution = program.solution(answer)
        assert solution.status == "inaccurate"
        assert solution.value > cs.solve(X, 12.0, skip=True).value
    with pytest.raises(ValueError, match="x: expected finite numbers"):
        program.solution(np.full(x.size, np.nan))
    with pytest.raises(ValueError, match="x: expected numbers that make a network"):
        program.solution(np.full(x.size, 1e300))
    with pytest.raises(ValueError, match=r"x: expected shape \(\d+,\), got \(3,\)"):
        program.solution([0.0, 1.0, 2.0])


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**30])
def test_matrices_are_in_the_units_of_the_data(scale):
    first = cs.univariate_program(X, 12.0, skip=True)
    second = cs.univariate_program(scale * X, 12.0, skip=True)
    x = solved(first)
    n = np.unique(X).size
    # Slopes and coefficients are divided by the square of the scale, scores by the scale.
    y = x / scale**2
    y[-n:], y[-n - 2] = x[-n:] / scale, x[-n - 2] / scale
    assert value(second, y) == pytest.approx(value(first, x) / scale**2, rel=1e-12)
    assert second.solution(y).value == pytest.approx(first.solution(x).value / scale**2, rel=1e-12)


def test_data_far_from_zero_have_the_same_matrices():
    far, near = (cs.univariate_program(X + shift, 12.0, skip=True) for shift in (2.0**20, 0.0))
    np.testing.assert_allclose(far.A.toarray(), near.A.toarray(), atol=1e-12)
    x = solved(near)
    solution = far.solution(x)
    assert solution.status == "optimal"
    assert solution.network.origin.any()
    assert solution.value == pytest.approx(near.solution(x).value, rel=1e-9)


def test_what_has_no_such_program_is_refused():
    with pytest.raises(ValueError, match="objective: expected data with 1 feature, got 2; `solve` trains"):
        cs.univariate_program(np.eye(2), 4.0)
    with pytest.raises(cs.UnboundedError, match=r"beta: expected at least 3"):
        cs.univariate_program([0.0, 0.0, 0.0, 1.0], 2.5)
    with pytest.raises(TypeError, match="ExpectedDenoising"):
        cs.univariate_program(cs.ExpectedDenoising(X, 0.5), 4.0)
    with pytest.raises(ValueError, match=r"objective: expected at most \d+ distinct values"):
        cs.univariate_program(np.arange(10_000.0), 4.0)
    with pytest.raises(ValueError, match=r"activation: expected one of .*docs/own_parts.md"):
        cs.univariate_program(X, 4.0, "gelu")
