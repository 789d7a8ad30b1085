"""Proofs in space: what is called global is, what did not end is a bound, and what is printed is true."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.conservative.program import ConservativeProgram
from convexscore.multivariate.pricing.boxes import BoxPricer
from convexscore.multivariate.pricing.climb import climbed
from convexscore.multivariate.program import NeuronProgram
from tests.multivariate.literal import largest_correlation
from tests.multivariate.problems import planar_objective, units


def objective_of(name, n=9, d=3, seed=0):
    return planar_objective(name, np.random.default_rng(seed).standard_normal((n, d)), seed)


BETAS = {"sm": 6.0, "dsm": 1.5}


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_certificate_is_that_of_all_cells(name, bias, conservative):
    objective, beta = objective_of(name), BETAS[name]
    solution = cs.solve(objective, beta, bias=bias, conservative=conservative)
    certificate = solution.certificate
    assert (solution.status, certificate.scope) == ("optimal", "global")
    kind = ConservativeProgram if conservative else NeuronProgram
    program = kind.from_objective(objective, "relu", False, bias)
    scores = solution.network(program.points)
    residual = program.balanced(program.root_mass * (program.scale * scores - program.target))[0]
    assert largest_correlation(program, residual, conservative) <= beta * (1 + 1e-9)
    assert program.dual_value(residual) == pytest.approx(
        certificate.dual, abs=1e-6 * units(objective, solution.value)
    )


@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize("bias", [False, True])
def test_turned_data_have_the_same_optimum(name, bias):
    objective, beta = objective_of(name, n=12), BETAS[name]
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    if name == "sm":
        turned = cs.ScoreMatching(objective.X @ turn)
    else:
        turned = cs.DenoisingScoreMatching(objective.X @ turn, objective.targets @ turn)
    plain, other = (cs.solve(one, beta, bias=bias) for one in (objective, turned))
    assert plain.certificate.scope == other.certificate.scope == "global"
    assert plain.value == pytest.approx(other.value, abs=2e-6 * units(objective, plain.value))


@pytest.mark.parametrize(("name", "d", "boxes"), [("dsm", 3, 300), ("dsm", 4, 2000), ("sm", 3, 20_000)])
def test_an_unfinished_proof_is_a_bound(name, d, boxes):
    objective = objective_of(name, n=15, d=d)
    beta = 2 * BETAS[name] if name == "dsm" else 12.0
    whole = cs.solve(objective, beta, bias=True)
    part = cs.solve(objective, beta, bias=True, max_boxes=boxes)
    assert whole.certificate.scope == "global"
    bound = part.certificate.lower_bound
    assert bound <= whole.value + 1e-9 * units(objective, whole.value)
    if part.certificate.scope == "local" and name == "dsm":
        assert np.isfinite(bound)
        assert f"within {100 * (part.value - bound) / abs(part.value):.2g} % of the best network" in str(part)
    assert "within" not in str(whole)


def test_fewer_boxes_say_less():
    objective = objective_of("dsm", n=25)
    bounds = [cs.solve(objective, 3.0, max_boxes=boxes).certificate.lower_bound for boxes in (1, 1000, 10**6)]
    assert bounds[0] < bounds[1] <= bounds[2]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_climbing_never_lowers_a_correlation(name, bias, tied):
    kind = ConservativeProgram if tied else NeuronProgram
    program = kind.from_objective(objective_of(name, n=15), "relu", False, bias)
    pricer = BoxPricer(program, 1, tied=tied)
    rng = np.random.default_rng(2)
    residual = program.zero_residual + program.project(rng.standard_normal(program.zero_residual.shape))
    found = pricer.search.price(residual, 1e-3, most=20).neurons
    before = pricer.sizes(found, residual)
    higher = climbed(program, found, residual, tied)
    assert (pricer.sizes(higher, residual) >= before * (1 - 1e-9)).all()
    height = np.where(higher.slope == 1, 1, -1) * (
        higher.direction @ program.rows.T
        - np.sum(higher.origins(program.rows) * higher.direction, axis=1)[:, None]
    )
    assert height.min() > -1e-9


@pytest.mark.parametrize("boxes", [0, -1, 2.5, "many"])
def test_the_number_of_boxes_is_checked(boxes):
    with pytest.raises((TypeError, ValueError), match="max_boxes: expected"):
        cs.solve(objective_of("dsm"), 1.0, max_boxes=boxes)
