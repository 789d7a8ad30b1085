"""The certificate's picture: inside the band everywhere, at its edge at the network's own neurons."""

from itertools import product

import numpy as np
import pytest
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.plotting import plot_certificate

from .pictures import PLANE, curve

X = np.round(np.random.default_rng(7).standard_normal(40), 1)
OBJECTIVES = {
    "sm": cs.ScoreMatching(X, np.arange(1, 41) % 4 + 1.0),
    "dsm": cs.DenoisingScoreMatching(X, np.random.default_rng(8).standard_normal(40)),
}


def drawn(solution):
    ax = plot_certificate(solution, ax=Figure().subplots())
    names = ("neurons looking", "every neuron", "abs neurons", "best neuron")
    lines = {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label().startswith(names)}
    return lines, np.column_stack(curve(ax, "own"))


@pytest.mark.parametrize(
    ("name", "activation", "skip"), [*product(OBJECTIVES, ("relu", "abs"), (False, True))]
)
def test_on_the_line_kinks_touch_the_band_and_nothing_leaves_it(name, activation, skip):
    objective = OBJECTIVES[name]
    beta = 0.25 * cs.beta_bounds(objective, activation, skip).linear
    beta = max(beta, 1.2 * cs.beta_bounds(objective, activation, skip).minimum)
    solution = cs.solve(objective, beta, activation, skip)
    assert solution.network.n_neurons > 1
    lines, own = drawn(solution)
    np.testing.assert_allclose(np.abs(own[:, 1]), beta, rtol=1e-8)
    np.testing.assert_allclose(np.sort(np.unique(own[:, 0])), solution.network.kinks, atol=1e-9)
    for points in lines.values():
        assert np.abs(points[:, 1]).max() <= beta * (1 + 1e-8)
    if activation == "relu" and skip:
        assert list(lines) == ["every neuron"]


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (30.0, -4000.0)])
def test_expected_denoising_touches_the_band_and_its_curve_is_an_integral(activation, skip, scale, shift):
    x, level = scale * X[:12] + shift, 0.5 * scale
    objective = cs.DenoisingScoreMatching.expected(x, level)
    beta = 0.3 * cs.beta_bounds(objective, activation, skip).linear
    solution = cs.solve(objective, beta, activation, skip)
    assert solution.network.n_neurons >= 1
    lines, own = drawn(solution)
    np.testing.assert_allclose(np.abs(own[:, 1]), beta, rtol=1e-6)
    for name, points in lines.items():
        assert np.abs(points[:, 1]).max() <= beta * (1 + 1e-6)
        inside = (points[:, 0] > x.min()) & (points[:, 0] < x.max())
        for t, height in points[inside][:: inside.sum() // 5]:
            assert height == pytest.approx(_integrated(x, level, solution.network, name, t), abs=1e-6)


def _integrated(x, level, network, name, t):
    """Return the correlation of an atom by a sum over a fine grid of noisy data."""
    y = np.linspace(x.min() - 9 * level, x.max() + 9 * level, 400_001)
    law = np.exp(-0.5 * ((y - x[:, None]) / level) ** 2) / (level * np.sqrt(2 * np.pi))
    rate = -((y - x[:, None]) / level**2 * law).sum(axis=0)
    gap = t - y if "left" in name else y - t
    atom = np.abs(gap) if "abs" in name else np.maximum(gap, 0.0)
    return float(np.sum(atom * (network(y) * law.sum(axis=0) - rate)) * (y[1] - y[0]))


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("skip", [False, True])
def test_the_curve_is_the_correlation_of_a_neuron_wherever_its_kink_is(activation, skip):
    objective = OBJECTIVES["dsm"]
    solution = cs.solve(objective, 0.5, activation, skip)
    residual = solution.network(X) - objective.targets[:, 0]
    lines, _ = drawn(solution)
    for name, points in lines.items():
        for t in np.linspace(X.min() + 0.013, X.max() - 0.017, 11):
            gap = t - X if "left" in name else X - t
            atom = np.abs(gap) if activation == "abs" else np.maximum(gap, 0.0)
            known = np.interp(t, points[:, 0], points[:, 1])
            assert known == pytest.approx(atom @ residual, abs=1e-9)


def test_the_trace_counts_in_score_matching():
    solution = cs.solve(X, 8.0, "relu")
    lines, _ = drawn(solution)
    for t in (-0.55, 0.05, 0.75):
        right = np.maximum(X - t, 0.0) @ solution.network(X) + np.sum(t < X)
        left = np.maximum(t - X, 0.0) @ solution.network(X) - np.sum(t > X)
        found = [np.interp(t, *points.T) for points in lines.values()]
        expected = [right, left] if len(lines) == 2 else [right]
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_units_and_places_do_not_matter():
    near, far = cs.solve(X, 4.5, skip=True), cs.solve(1e-60 * X + 1e-58, 4.5, skip=True)
    _, own = drawn(far)
    np.testing.assert_allclose(np.abs(own[:, 1]), 4.5, rtol=1e-7)
    assert len(own) == near.network.n_neurons


def test_bounds_of_tails_move_the_curve_into_the_band():
    x = np.random.default_rng(1).lognormal(size=300)
    solution = cs.solve(x, 30.0, skip=True, tails="integrable")
    assert solution.tails is not None
    lines, own = drawn(solution)
    np.testing.assert_allclose(np.abs(own[:, 1]), 30.0, rtol=1e-8)
    assert all(np.abs(points[:, 1]).max() <= 30.0 * (1 + 1e-8) for points in lines.values())


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("sm", {}),
        ("sm", {"skip": True, "activation": "abs"}),
        ("sm", {"bias": False}),
        ("sm", {"conservative": True, "skip": True}),
        ("dsm", {"skip": True}),
        ("dsm", {"conservative": True}),
    ],
)
def test_in_the_plane_directions_of_the_network_touch_beta(objective, options):
    made = cs.ScoreMatching(PLANE) if objective == "sm" else cs.DenoisingScoreMatching(PLANE, -PLANE[::-1])
    beta = 10.0 if objective == "sm" else 4.0
    if not options.get("bias", True):
        beta = 3.0 * cs.beta_bounds(made, bias=False).minimum
    solution = cs.solve(made, beta, tol=1e-9, **options)
    assert solution.network.n_neurons > 0
    lines, own = drawn(solution)
    (points,) = lines.values()
    np.testing.assert_allclose(own[:, 1], beta, rtol=1e-6)
    assert points[:, 1].max() <= beta * (1 + 1e-6)
    # It is the largest over every bias, so that nearby directions are not far below.
    assert points[:, 1].min() > 0


def test_the_profile_in_the_plane_is_the_largest_correlation_over_biases():
    targets = np.random.default_rng(3).standard_normal(PLANE.shape)
    solution = cs.solve(cs.DenoisingScoreMatching(PLANE, targets), 6.0, skip=True, tol=1e-9)
    residual = solution.network(PLANE) - targets
    lines, _ = drawn(solution)
    (points,) = lines.values()
    for degrees in (30.0, 117.5, 241.0):
        u = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        outputs = np.maximum((PLANE @ u)[:, None] - PLANE @ u, 0.0)
        largest = np.linalg.norm(outputs.T @ residual, axis=1).max()
        assert np.interp(degrees, *points.T) == pytest.approx(largest, rel=1e-6)


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        (lambda: cs.solve(X, 8.0, skip=True, refit=True), "got a refit"),
        (lambda: cs.solve(X, 8.0, skip=True, shape="log-concave"), "got one of log-concave scores"),
        (lambda: cs.solve(PLANE[:6], 8.0, gated=True), "got one of gated networks"),
        (
            lambda: cs.solve(cs.DenoisingScoreMatching(PLANE[:6], PLANE[6:12]), 0.0),
            "got one without weight decay",
        ),
        (lambda: cs.solve(np.eye(4)[:, :3] + 0.1, 5.0, max_boxes=1), "got 3 features"),
        (lambda: cs.Solution(*vars(cs.solve(X, 8.0)).values()).__class__, "expected a Solution, got"),
    ],
)
@pytest.mark.filterwarnings("ignore::convexscore.ConvergenceWarning")
def test_what_has_no_such_picture_is_told_why(solution, message):
    given = solution()
    ax = Figure().subplots()
    with pytest.raises((TypeError, ValueError), match=message):
        plot_certificate(given, ax=ax)
    assert not ax.has_data()
