"""Descent against finite differences, least weights against literal programs, bounds against solutions."""

import cvxpy as cp
import numpy as np
import pytest

import convexscore as cs
from paper_figs import least_weight
from paper_figs.least_norm import least_norm
from paper_figs.plain_descent import Descent, started

from .drawings import drawn_quickly

WEIGHTS = ("w", "b", "v", "c")


def trials(n_trials=3, n=6, width=4, seed=0):
    """Return a few small networks on data of their own."""
    rng = np.random.default_rng(seed)
    x, labels = rng.standard_normal((2, n_trials, n))
    return started(x, labels, np.linspace(0.5, 1.0, n_trials), width, rng.spawn(n_trials))


def literal_loss(descent, trial):
    """Return one trial's loss, a point at a time."""
    total = 0.0
    for x, label in zip(descent.x[trial], descent.labels[trial], strict=True):
        hidden = np.maximum(descent.w[trial] * x + descent.b[trial], 0)
        total += 0.5 * (hidden @ descent.v[trial] + descent.c[trial] - label) ** 2
    return total


def flat(descent, trial):
    """Return one trial's weights as a vector."""
    return np.concatenate([np.ravel(getattr(descent, name)[trial]) for name in WEIGHTS])


def moved(descent, trial, vector):
    """Return the trial alone, with other weights."""
    m = descent.w.shape[1]
    w, b, v = vector[: 3 * m].reshape(3, 1, m)
    rows = slice(trial, trial + 1)
    return Descent(descent.x[rows], descent.labels[rows], w, b, v, vector[-1:])


def test_losses_are_those_of_one_network_at_a_time():
    descent = trials()
    for trial, loss in enumerate(descent.losses()):
        assert loss == pytest.approx(literal_loss(descent, trial))


def test_gradients_are_differences_of_losses():
    descent = trials()
    gradients = descent.gradients()
    for trial in range(3):
        here = flat(descent, trial)
        found = np.concatenate([np.ravel(gradient[trial]) for gradient in gradients])
        for entry in range(here.size):
            step = np.zeros(here.size)
            step[entry] = 1e-6
            ends = [literal_loss(moved(descent, trial, here + sign * step), 0) for sign in (1, -1)]
            assert found[entry] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


def test_curvatures_bound_the_hessian_closely():
    descent = trials()
    for trial, bound in enumerate(descent.curvatures()):
        here = flat(descent, trial)
        columns = []
        for entry in range(here.size):
            step = np.zeros(here.size)
            step[entry] = 1e-5
            ends = [moved(descent, trial, here + sign * step).gradients() for sign in (1, -1)]
            columns.append(np.concatenate([np.ravel(a - b) / 2e-5 for a, b in zip(*ends, strict=True)]))
        largest = np.linalg.eigvalsh(np.array(columns))[-1]
        assert 0.5 * bound < largest <= bound * (1 + 1e-6)


def test_descent_goes_down_and_each_trial_is_its_own():
    together, losses = trials(), []
    for _ in range(30):
        losses.append(together.losses())
        together.run(10)
    assert np.all(np.diff(losses, axis=0) <= 1e-12)
    assert np.all(losses[-1] < 0.9 * losses[0])
    alone = trials()
    alone = moved(alone, 1, flat(alone, 1))
    alone.run(300)
    assert flat(alone, 0) == pytest.approx(flat(together, 1), rel=1e-6)


def test_costs_are_those_of_balanced_networks():
    descent = trials()
    for trial, (cost, weights) in enumerate(zip(descent.costs(), descent.weights(), strict=True)):
        w, b, v = descent.w[trial], descent.b[trial], descent.v[trial]
        network = cs.TwoLayerNetwork(w[:, None], b, v[None], descent.c[trial : trial + 1])
        assert weights == pytest.approx(network.weight_decay())
        size = np.sqrt(np.abs(v / w))
        balanced = cs.TwoLayerNetwork((size * w)[:, None], size * b, (v / size)[None], network.b2)
        assert cost == pytest.approx(balanced.weight_decay())
        jumps = np.diff(network.piecewise.slopes)
        assert cost == pytest.approx(np.abs(jumps).sum())
    assert np.all(descent.costs(biases_count=True) > descent.costs())


@pytest.mark.parametrize("seed", range(3))
def test_least_weight_is_that_of_a_literal_program(seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.uniform(-2, 2, 7), rng.standard_normal(7)
    least = least_norm(x, labels)
    y, b2 = cp.Variable(14), cp.Variable()
    columns = np.hstack([np.maximum(x[:, None] - x, 0), np.maximum(x - x[:, None], 0)])
    problem = cp.Problem(cp.Minimize(cp.norm1(y)), [columns @ y + b2 == labels])
    assert least.cost == pytest.approx(problem.solve(solver="CLARABEL"), rel=1e-6)
    assert least.lower == pytest.approx(least.cost, rel=1e-7)
    assert least(x) == pytest.approx(labels, abs=1e-9)
    # The weight decay's own program comes from below as it vanishes.
    solved = cs.solve(cs.DenoisingScoreMatching(x, labels), 1e-6)
    assert least.cost * (1 - 1e-3) < solved.certificate.dual / 1e-6 <= least.cost * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_least_weight_with_biases_is_that_of_a_fine_circle(seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.uniform(-2, 2, 6), rng.standard_normal(6)
    least = least_norm(x, labels, biases_count=True)
    assert np.hypot(least.w, least.b) == pytest.approx(1.0)
    assert least(x) == pytest.approx(labels, abs=1e-9)
    # With the angles of kinks at data, between which costs are smooth.
    angles = np.concatenate([np.linspace(0, 2 * np.pi, 4000), *np.arctan2([-x, x], [[1.0], [-1.0]])])
    columns = np.maximum(np.outer(x, np.cos(angles)) + np.sin(angles), 0)
    y, b2 = cp.Variable(angles.size), cp.Variable()
    problem = cp.Problem(cp.Minimize(cp.norm1(y)), [columns @ y + b2 == labels])
    on_circle = problem.solve(solver="CLARABEL")
    assert least.lower <= on_circle * (1 + 1e-7)
    assert on_circle == pytest.approx(least.cost, rel=1e-4)
    assert least.cost == pytest.approx(least.lower, rel=1e-6)
    assert least.cost > least_norm(x, labels).cost


def test_repeated_data_are_refused():
    with pytest.raises(ValueError, match="x: expected distinct numbers"):
        least_norm([0.0, 1.0, 1.0], [0.0, 1.0, 2.0])


def test_bounds_at_a_loss_hold_for_solutions_and_are_near_them():
    front = least_weight.Front(*least_weight.sample(np.random.default_rng(3)))
    assert front.largest_gap < 1e-8
    for beta in (0.003, 0.1, 1.7):
        solution = cs.solve(front.objective, beta)
        cost = solution.network.weight_decay()
        bound = front.bound(front.objective.loss(solution.network))
        assert 0.98 * cost <= bound <= cost * (1 + 1e-9)
    assert front.bound(0.0) == pytest.approx(front.exact.cost, rel=1e-3)
    assert front.bound(0.0) <= front.exact.cost * (1 + 1e-9)
    assert front.bound(2 * front.zero_loss) == 0.0


def test_samples_are_apart_and_labels_are_of_the_noise():
    x, labels = least_weight.sample(np.random.default_rng(0))
    assert np.diff(np.sort(x)).min() >= least_weight.APART
    clean = x + least_weight.NOISE**2 * labels
    assert clean == pytest.approx(np.linspace(-2, 2, least_weight.POINTS))


def test_a_quick_run_says_what_it_claims():
    _, numbers = drawn_quickly("least_weight")
    claims = numbers["claims"]
    assert claims["the linear program and the certified solutions agree on the least cost"]
    assert claims["no trial costs less than the certified bound at its loss"]
    assert numbers["bears_out"] == all(claims.values())
    assert numbers["least_excess"] >= 1 - 1e-9
    assert numbers["trials"] == len(numbers["runs"]) == 8
    assert np.isfinite([run["cost"] for run in numbers["runs"]]).all()
    means = numbers["by_scale"]["excess"]
    assert means[-1] > 2 > means[1]
