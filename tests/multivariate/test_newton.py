"""Newton's method inside the patterns: derivatives by differences, steps by the definition of each."""

from dataclasses import replace

import numpy as np
import pytest

from convexscore.multivariate.program import NeuronProgram, Neurons
from convexscore.multivariate.solvers import newton
from tests.multivariate.problems import make_points, planar_objective


def problem_of(name, bias=True, skip=False, n=9, seed=0):
    """Return a program and neurons through data points, one of them through two, with output vectors."""
    X = make_points("random", n, seed)
    program = NeuronProgram.from_objective(planar_objective(name, X, seed), "relu", skip, bias)
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, 4)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pivot = np.array([0, 1, 2, 3]) if bias else np.full(4, -1)
    held = np.full((4, 1), -1)
    if bias:
        along = program.rows[5] - program.rows[3]
        direction[3] = np.array([-along[1], along[0]]) / np.linalg.norm(along)
        held[3] = 5
    origin = np.where(pivot[:, None] >= 0, program.rows[pivot], 0.0)
    height = direction @ program.rows.T - np.sum(direction * origin, axis=1)[:, None]
    neurons = Neurons((height > 1e-9).astype(np.int8), direction, pivot, held)
    return program, neurons, rng.standard_normal((4, 2))


def objective_along(program, neurons, outputs, beta, frames):
    """The objective as a function of output vectors and of turns, whose directions stay of length one."""
    which, turn = frames

    def value(variables):
        direction = neurons.direction.copy()
        np.add.at(direction, which, variables[outputs.size :, None] * turn)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        turned = replace(neurons, direction=direction)
        moved = outputs + variables[: outputs.size].reshape(outputs.shape)
        return newton.restricted_value(program, turned, moved, beta)

    return value


def mixed_differences(function, size, step):
    """Return second derivatives by central differences."""
    axes = step * np.eye(size)
    return np.array(
        [[function(a + b) - function(a - b) - function(b - a) + function(-a - b) for a in axes] for b in axes]
    ) / (4 * step**2)


def differences(function, size, step=1e-3):
    """Return gradient and Hessian by differences of the fourth order."""
    gradient = [
        (8 * (function(a) - function(-a)) - function(2 * a) + function(-2 * a)) / (12 * step)
        for a in step * np.eye(size)
    ]
    hessian = (4 * mixed_differences(function, size, step) - mixed_differences(function, size, 2 * step)) / 3
    return np.array(gradient), hessian


@pytest.mark.parametrize(("name", "skip"), [("sm", False), ("dsm", True), ("sm", True)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_value_is_that_of_the_program_but_for_a_constant(name, skip, bias):
    program, neurons, outputs = problem_of(name, bias, skip)
    few = neurons[:2], 3 * outputs[:2]
    rise = program.value(neurons, outputs, 0.7) - program.value(*few, 0.7)
    found = newton.restricted_value(program, neurons, outputs, 0.7)
    found -= newton.restricted_value(program, *few, 0.7)
    assert found / program.scale**2 == pytest.approx(rise, rel=1e-10)


@pytest.mark.parametrize(("name", "skip"), [("sm", False), ("dsm", True), ("sm", True)])
@pytest.mark.parametrize("bias", [False, True])
def test_the_gradient_is_that_of_differences(name, skip, bias):
    program, neurons, outputs = problem_of(name, bias, skip)
    gradient, hessian, frames = newton._derivatives(program, neurons, outputs, 0.7)
    # In the plane a neuron may turn about its pivot, unless it holds a second point.
    assert frames[0].tolist() == ([0, 1, 2] if bias else [0, 1, 2, 3])
    expected, _ = differences(objective_along(program, neurons, outputs, 0.7, frames), gradient.size)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
    # Away from optima curvature is cut down until every step goes downhill.
    np.testing.assert_array_equal(hessian, hessian.T)
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert eigenvalues[0] >= -1e-9 * eigenvalues[-1]


@pytest.mark.parametrize(
    ("bias", "skip", "seed"), [(False, False, 0), (False, True, 6), (True, False, 13), (True, True, 4)]
)
def test_at_an_optimum_of_its_patterns_the_hessian_is_that_of_differences(bias, skip, seed):
    program, neurons, outputs = problem_of("dsm", bias, skip, n=14, seed=seed)
    # Labels that these neurons make: an optimum is close by, inside the patterns.
    program = replace(program, target=neurons.features(program.rows) @ outputs)
    neurons, outputs = newton.refine(program, neurons, outputs, 0.1, 60)
    gradient, hessian, frames = newton._derivatives(program, neurons, outputs, 0.1)
    assert frames[0].size > 0
    assert np.abs(gradient).max() <= 1e-9
    _, expected = differences(objective_along(program, neurons, outputs, 0.1, frames), gradient.size)
    np.testing.assert_allclose(hessian, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("hessian", "gradient", "step"),
    [
        ([[2.0, 1.0], [1.0, 2.0]], [3.0, 0.0], [2.0, -1.0]),
        # No curvature across: the shortest step, and not the gradient over the diagonal.
        (np.ones((3, 3)), [1.0, 1.0, 1.0], [1 / 3, 1 / 3, 1 / 3]),
        ([[1.0, 0.0], [0.0, 0.0]], [5.0, 0.0], [5.0, 0.0]),
        ([[1.0, 0.0], [0.0, 1e-6]], [1.0, 1e-6], [1.0, 1.0]),
    ],
)
def test_steps_solve_newtons_equations(hessian, gradient, step):
    np.testing.assert_allclose(newton._solve(np.array(hessian), np.array(gradient)), step, rtol=1e-5)


def test_rounding_without_curvature_makes_no_large_step():
    step = newton._solve(np.diag([1.0, 0.0]), np.array([1.0, 1e-17]))
    assert step[0] == pytest.approx(1.0)
    assert abs(step[1]) <= 1.0


def test_a_hessian_that_is_slightly_indefinite_is_damped():
    hessian, gradient = np.array([[1.0, 1.0], [1.0, 1.0 - 1e-9]]), np.array([1.0, 1.0])
    step = newton._solve(hessian, gradient)
    np.testing.assert_allclose(hessian @ step, gradient, rtol=1e-5)


def test_a_step_ends_where_the_first_output_vector_vanishes():
    outputs = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]])
    step = np.concatenate([[-6.0, -8.0, -4.0, 7.0, 0.0, -8.0], [0.5]])
    limited, vanishing = newton._limited(step, outputs)
    np.testing.assert_allclose(limited, step / 4)
    assert vanishing.tolist() == [1, 2]
    whole, nobody = newton._limited(step / 8, outputs)
    np.testing.assert_array_equal(whole, step / 8)
    assert nobody.size == 0


def test_a_direction_stops_at_the_first_point_it_meets_and_holds_it():
    X = np.array([[-1.0, -1.0], [0.0, 0.0], [2.0, 1.0], [1.0, 2.0], [-2.0, 1.0]])
    program = NeuronProgram.from_objective(planar_objective("dsm", X), "relu", False, True)
    pivot, first = (int(np.flatnonzero((program.points == p).all(axis=1))[0]) for p in ([0, 0], [-2, 1]))
    direction = np.array([[0.0, 1.0]])
    slope = (program.points[:, 1] > 0).astype(np.int8)[None]
    neurons = Neurons(slope, direction, np.array([pivot]), np.full((1, 0), -1))
    # Turned to the right by half a unit, the active point (-2, 1) is on the kink line.
    frames = np.array([0]), np.array([[1.0, 0.0]])
    outputs = np.array([[1.0, 1.0]])
    moved, changed = newton._moved(program, neurons, outputs, np.array([0.25, -0.5, 0.25]), frames)
    np.testing.assert_allclose(moved.direction, [np.array([0.25, 1.0]) / np.hypot(0.25, 1.0)])
    np.testing.assert_allclose(changed, [[1.25, 0.5]])
    assert not (moved.held >= 0).any()
    moved, _ = newton._moved(program, neurons, outputs, np.array([0.0, 0.0, 0.8]), frames)
    np.testing.assert_allclose(moved.direction, [np.array([1.0, 2.0]) / np.sqrt(5)])
    assert moved.held.tolist() == [[first]]
