"""Data with limits: the weight of the loss, what is refused, and the truth of the loss by quadrature."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import convexscore as cs
from convexscore.objectives import as_objective, distinct_rows
from convexscore.objectives.support import box_terms

LAWS = {
    "exponential": (stats.expon(), (0.0, np.inf), lambda x: -1.0),
    "gamma": (stats.gamma(2.5), (0.0, np.inf), lambda x: 1.5 / x - 1.0),
    "beta": (stats.beta(2.0, 3.0), (0.0, 1.0), lambda x: 1.0 / x - 2.0 / (1.0 - x)),
    "half-normal": (stats.halfnorm(), (0.0, np.inf), lambda x: -x),
    "uniform": (stats.uniform(), (0.0, 1.0), lambda x: 0.0),
    "truncated normal": (stats.truncnorm(-0.5, 1.0), (-0.5, 1.0), lambda x: -x),
    "mirrored exponential": (stats.gamma(1.0, loc=-1.0), (-1.0, np.inf), lambda x: -1.0),
}


def on_line(x, support, height):
    """The weight and its derivative with one feature."""
    weight, gradient = box_terms(x[:, None], (support,), height)
    return weight, gradient[:, 0]


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("height", [0.3, np.inf])
def test_the_true_score_minimizes_the_population_loss(name, height):
    law, support, score = LAWS[name]
    if np.isinf(height) and name == "beta":
        height = 0.25

    def derivative_along(direction, slope):
        def density(x):
            weight, derivative = (float(part[0]) for part in on_line(np.array([x]), support, height))
            change = weight * (score(x) * direction(x) + slope(x)) + derivative * direction(x)
            return change * law.pdf(x)

        return quad(density, low, high, points=inside or None, limit=400)[0]

    low, high = (float(end) for end in law.ppf([1e-15, 1 - 1e-15]))
    bends = (support[0] + height, support[1] - height, sum(support) / 2)
    inside = [bend for bend in bends if low < bend < high]
    # The loss is quadratic: its derivatives vanish in every direction at its minimum alone.
    for direction, slope in (
        (np.ones_like, np.zeros_like),
        (lambda x: x, np.ones_like),
        (lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x)),
    ):
        assert abs(derivative_along(direction, slope)) < 1e-6


def test_the_weight_and_its_derivative():
    x = np.array([0.25, 0.5, 1.0, 1.5, 1.75])
    weight, derivative = on_line(x, (0.0, 2.0), 0.5)
    assert weight.tolist() == [0.25, 0.5, 0.5, 0.5, 0.25]
    assert derivative.tolist() == [1.0, 0.5, 0.0, -0.5, -1.0]
    # In the middle both sides meet, with or without a height there.
    for height in (1.0, np.inf):
        weight, derivative = on_line(np.array([1.0]), (0.0, 2.0), height)
        assert (weight[0], derivative[0]) == (1.0, 0.0)


def test_the_loss_is_its_formula():
    x, w = np.array([0.5, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 0.5, 3.0])
    objective = cs.ScoreMatching(x, w, support=(0.0, None), boundary_weight=1.5)
    h, dh = np.array([0.5, 1.0, 1.5, 1.5]), np.array([1.0, 1.0, 0.0, 0.0])
    s, ds = 1 - x**2, -2 * x
    by_hand = np.sum(w * (0.5 * h * s**2 + h * ds + dh * s))
    found = objective.loss(lambda t: 1 - t**2, divergence=lambda t: -2 * t[:, 0])
    assert found == pytest.approx(by_hand, rel=1e-14)


def test_the_default_height_is_the_weighted_median_distance():
    objective = cs.ScoreMatching([0.0, 1.0, 2.0, 8.0, 9.5], [1, 1, 1, 1, 4], support=(0, 10))
    # Distances 1, 2, 2 and four times 0.5; the sample on the end does not count.
    assert objective.boundary_weight == 0.5
    repeated = cs.ScoreMatching([0.0, 1.0, 2.0, 8.0, 9.5, 9.5, 9.5, 9.5], support=(0, 10))
    assert repeated.boundary_weight == 0.5
    # Parts of the data keep the height of all.
    assert distinct_rows(objective).boundary_weight == 0.5


PAIR = (np.square, lambda x: 2 * x)


def test_the_loss_of_another_weight_is_its_formula():
    x, w = np.array([0.5, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 0.5, 3.0])
    objective = cs.ScoreMatching(x, w, support=(0.0, None), boundary_weight=PAIR)
    s, ds = 1 - x**2, -2 * x
    by_hand = np.sum(w * (0.5 * x**2 * s**2 + x**2 * ds + 2 * x * s))
    found = objective.loss(lambda t: 1 - t**2, divergence=lambda t: -2 * t[:, 0])
    assert found == pytest.approx(by_hand, rel=1e-14)
    assert distinct_rows(objective).boundary_weight == PAIR


def test_samples_where_another_weight_is_zero_are_left_out():
    x = np.array([0.25, 0.5, 1.0, 2.0, 3.0])
    above = (lambda t: np.maximum(t - 0.75, 0.0), lambda t: (t > 0.75) * 1.0)
    with pytest.warns(UserWarning, match="X: 2 of 5 samples are where boundary_weight is zero"):
        solution = cs.solve(cs.ScoreMatching(x, support=(0, None), boundary_weight=above), 3.0)
    rest = cs.ScoreMatching(x[2:], support=(0.75, None), boundary_weight=np.inf)
    assert solution.value == pytest.approx(cs.solve(rest, 3.0).value, rel=1e-12)


def test_files_do_not_keep_functions(tmp_path):
    solution = cs.solve(cs.ScoreMatching([0.5, 1.0, 3.0], support=(0, None), boundary_weight=PAIR), 9.0)
    with pytest.raises(TypeError, match="boundary_weight: expected a number in what a file is to keep"):
        solution.save(tmp_path / "solution.npz")
    assert list(tmp_path.iterdir()) == []
    solution.density().save(tmp_path / "density.npz")
    assert cs.load(tmp_path / "density.npz").support() == (0.0, np.inf)


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (np.square, TypeError, "expected a number or a pair of functions"),
        ((np.square,), ValueError, "expected a number or a pair of functions"),
        ((np.square, 1.0), TypeError, "expected a callable, got 1.0"),
        ((lambda x: 1 - x, np.ones_like), ValueError, "expected h to be at least 0, got -1 at 2"),
        ((np.ones_like, np.zeros_like), ValueError, "expected h to be 0 at the end 0 of the support, got 1"),
        ((np.zeros_like, np.zeros_like), ValueError, "expected h to be above 0 at a sample"),
        ((lambda x: x / (x - 1), np.ones_like), ValueError, "expected finite numbers, got 0 NaN and 1 inf"),
        ((np.square, np.sum), ValueError, "expected an array of the shape of x,"),
        ((np.square, lambda x: x[:, None]), ValueError, "expected an array of the shape of x,"),
        ((lambda x: x * 1j, np.ones_like), TypeError, "expected an array of real numbers"),
    ],
)
def test_what_is_no_weight_is_refused(weight, error, message):
    with pytest.raises(error, match=f"^boundary_weight: {message}"), np.errstate(divide="ignore"):
        cs.ScoreMatching([1.0, 2.0], support=(0, None), boundary_weight=weight)
    with pytest.raises(ValueError, match="boundary_weight: expected None without a support"):
        cs.ScoreMatching([1.0, 2.0], boundary_weight=PAIR)


def test_both_ends_without_limit_are_no_support():
    assert cs.ScoreMatching([1.0, 2.0], support=(None, np.inf)).support is None


def test_samples_on_an_end_are_left_out_and_said_to():
    x = np.array([0.0, 0.0, 0.5, 1.0, 2.0])
    with pytest.warns(UserWarning, match="X: 2 of 5 samples are on an end of the support") as caught:
        solution = cs.solve(cs.ScoreMatching(x, support=(0, None)), 1.0)
    assert caught[0].filename == __file__
    assert solution.value == cs.solve(cs.ScoreMatching(x[2:], support=(0, None)), 1.0).value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": [-1.0, 2.0], "support": (0, None)}, "X: expected values within the support from 0 to inf"),
        (
            {"X": [1.0, 2.0], "support": (0, 1.5)},
            "X: expected values within the support from 0 to 1.5, got 2",
        ),
        (
            {"X": [[1.0, 2.0]], "support": (0, None)},
            "support: expected one pair of limits, or None, for each",
        ),
        ({"X": [[1.0, 2.0]], "support": [(0, None)]}, "support: expected one pair of limits, or None, for"),
        (
            {"X": [[1.0, 2.0]], "support": [(0, None), 3]},
            "support: expected one pair of limits, or None, for",
        ),
        ({"X": [[1.0, 2.0]], "support": [None, (3, 1)]}, "support: expected a lower end below"),
        ({"X": [[1.0, 2.0]], "support": [None, (0, np.nan)]}, "support: expected a finite number"),
        ({"X": [1.0, 2.0], "support": [(0, None)]}, "support: expected a pair of numbers"),
        (
            {"X": [[1.0, 2.0]], "support": [(0, None), (0, 1.5)]},
            "X: expected values within the support from 0 to 1.5 in column 1, got 2",
        ),
        ({"X": [[0.0, 1.0]], "support": [(0, 3), None]}, "X: expected values inside the support"),
        ({"X": [1.0, 2.0], "support": (3, 1)}, "support: expected a lower end below"),
        ({"X": [1.0, 2.0], "support": 3.0}, "support: expected a pair of numbers"),
        ({"X": [1.0, 2.0], "support": (0, 1, 2)}, "support: expected a pair of numbers"),
        ({"X": [1.0, 2.0], "support": (np.nan, 3)}, "support: expected a finite number"),
        ({"X": [1.0, 2.0], "boundary_weight": 1.0}, "boundary_weight: expected None without"),
        (
            {"X": [1.0, 2.0], "support": (0, 3), "boundary_weight": 0},
            "boundary_weight: expected a number above",
        ),
        ({"X": [0.0, 0.0], "support": (0, 3)}, "X: expected values inside the support"),
    ],
)
def test_refusals_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.ScoreMatching(**arguments)


def test_limits_far_away_are_refused():
    with pytest.raises(ValueError, match="support: expected limits within"):
        cs.solve(cs.ScoreMatching([1.0, 2.0], support=(-1e30, None)), 1.0)


def test_an_objective_made_elsewhere_with_a_trace_and_targets_is_refused():
    class Both:
        name, has_trace, sample_weight = "both", True, None
        X, weights, targets = np.ones((3, 1)), np.ones(3), np.ones((3, 1))

    with pytest.raises(ValueError, match="objective: expected one with has_trace whose targets are zero"):
        as_objective(Both())


def test_the_loss_on_a_box_is_its_formula():
    X = np.array([[0.25, 1.0], [0.5, 0.5], [1.5, 0.75], [3.0, 2.0], [1.0, 2.0]])
    w = np.array([1.0, 2.0, 0.5, 3.0, 1.0])
    objective = cs.ScoreMatching(X, w, support=[(0, None), (0, 2.5)], boundary_weight=1.0)
    assert objective.support == ((0.0, np.inf), (0.0, 2.5))
    # The second is equally near to two faces.
    h = np.array([0.25, 0.5, 0.75, 0.5, 0.5])
    gradient = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, -1.0], [0.0, -1.0]])
    s, trace = np.sin(X @ [[1.0, 2.0], [-1.0, 0.5]]), np.cos(X[:, 0])
    by_hand = np.sum(w * (h * (0.5 * np.sum(s**2, axis=1) + trace) + np.sum(gradient * s, axis=1)))
    found = objective.loss(lambda _: s, divergence=lambda _: trace)
    assert found == pytest.approx(by_hand, rel=1e-14)
    np.testing.assert_allclose(objective.targets, -gradient / h[:, None], rtol=1e-14)


def test_at_bends_of_the_height_the_gradient_is_the_mean_of_all_that_meet():
    X = np.array([[1.0, 5.0], [1.0, 1.0], [2.0, 2.0]])
    box = ((0.0, 2.0), (0.0, np.inf))
    weight, gradient = box_terms(X, box, 1.0)
    assert weight.tolist() == [1.0, 1.0, 0.0]
    # Both sides of the first feature and the height; these and the second feature's face; a face alone.
    np.testing.assert_allclose(gradient, [[0.0, 0.0], [0.0, 0.25], [-1.0, 0.0]])
    moved, turned = box_terms(3e-7 * X, tuple((3e-7 * a, 3e-7 * b) for a, b in box), 3e-7)
    np.testing.assert_allclose(moved, 3e-7 * weight)
    np.testing.assert_allclose(turned, gradient)


def test_inside_a_piece_the_gradient_is_that_of_differences():
    rng = np.random.default_rng(0)
    X, box = rng.random((50, 3)), ((0.0, 1.0), (-0.5, np.inf), (0.0, 1.2))
    weight, gradient = box_terms(X, box, 0.3)
    for j in range(3):
        step = 1e-7 * np.eye(3)[j]
        change = (box_terms(X + step, box, 0.3)[0] - box_terms(X - step, box, 0.3)[0]) / 2e-7
        np.testing.assert_allclose(change, gradient[:, j], atol=1e-6)
    assert (weight > 0).all()


def test_no_limits_of_any_feature_are_no_support():
    X = [[1.0, 2.0], [3.0, 4.0]]
    for none in (None, [None, None], [(None, None), (-np.inf, np.inf)], np.array([[-np.inf, np.inf]] * 2)):
        assert cs.ScoreMatching(X, support=none).support is None


def test_the_default_height_is_the_median_distance_from_the_nearest_face():
    objective = cs.ScoreMatching(
        [[1.0, 9.0], [7.0, 2.0], [5.0, 4.0], [0.0, 3.0]], support=[(0, None), (0, None)]
    )
    # Distances 1, 2 and 4; the sample on a face does not count.
    assert objective.boundary_weight == 2.0


def _nodes(triangles, n):
    """Return Gauss nodes and weights of triangles with given corners."""
    x, w = np.polynomial.legendre.leggauss(n)
    x, w = 0.5 * (1 + x), 0.5 * w
    a, b = np.meshgrid(x, x, indexing="ij")
    points, weights = [], []
    for p, q, r in np.array(triangles, dtype=float):
        points.append((p + a[..., None] * (q - p + b[..., None] * (r - q))).reshape(-1, 2))
        weights.append((abs(np.linalg.det([q - p, r - p])) * np.outer(w, w) * a).ravel())
    return np.concatenate(points), np.concatenate(weights)


# Triangles in which the weight of the loss is smooth: of a square up to its middle, and up to a height of a
# half; of a quadrant, cut where no mass is left.
CORNERS, INNER = ((0, 0), (2, 0), (2, 2), (0, 2)), ((0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5))
SIDES = [(k, (k + 1) % 4) for k in range(4)]
TO_THE_MIDDLE = [(CORNERS[j], CORNERS[k], (1, 1)) for j, k in SIDES]
TO_THE_HEIGHT = [
    *[(CORNERS[j], CORNERS[k], INNER[k]) for j, k in SIDES],
    *[(CORNERS[j], INNER[j], INNER[k]) for j, k in SIDES],
    *[(INNER[j], INNER[k], (1, 1)) for j, k in SIDES],
]
QUADRANT = [[(0, 0), (40, 0), (40, 40)], [(0, 0), (0, 40), (40, 40)]]
PRECISION = np.array([[2.0, 0.8], [0.8, 1.0]])


@pytest.mark.parametrize(
    ("P", "shift", "support", "height", "triangles"),
    [
        (PRECISION, [0.5, -1.0], [(0, 2), (0, 2)], np.inf, TO_THE_MIDDLE),
        (PRECISION, [0.5, -1.0], [(0, 2), (0, 2)], 0.5, TO_THE_HEIGHT),
        (0 * PRECISION, [-1.0, -2.0], [(0, None), (0, None)], np.inf, QUADRANT),
    ],
)
def test_the_true_score_minimizes_the_loss_of_the_law(P, shift, support, height, triangles):
    X, weights = _nodes(triangles, 64)
    mass = weights * np.exp(X @ shift - 0.5 * np.sum(X @ P * X, axis=1))
    objective = cs.ScoreMatching(X, mass / mass.sum(), support=support, boundary_weight=height)
    rng = np.random.default_rng(1)
    for _ in range(5):
        b, A, C = rng.standard_normal(2), rng.standard_normal((2, 2)), rng.standard_normal((2, 2))

        def loss(step, b=b, A=A, C=C):
            return objective.loss(
                lambda x: shift - x @ P + step * (b + x @ A + x**2 @ C),
                divergence=lambda x: -np.trace(P) + step * (np.trace(A) + 2 * x @ np.diag(C)),
            )

        best, up, down = loss(0.0), loss(1.0), loss(-1.0)
        assert up + down - 2 * best > 0.01
        assert up - down == pytest.approx(0.0, abs=1e-10 * (up + down - 2 * best))


def test_samples_of_weight_zero_may_be_outside():
    given = cs.ScoreMatching([-5.0, 1.0, 2.0, 4.0], [0.0, 1.0, 2.0, 1.0], support=(0, None))
    without = cs.ScoreMatching([1.0, 2.0, 4.0], [1.0, 2.0, 1.0], support=(0, None))
    assert given.boundary_weight == without.boundary_weight
    assert given.loss(lambda x: -x, lambda x: -np.ones(len(x))) == without.loss(
        lambda x: -x, lambda x: -np.ones(len(x))
    )
    assert cs.solve(given, 2.0, skip=True).value == cs.solve(without, 2.0, skip=True).value


@pytest.mark.parametrize("support", [(0, 1e100), (-1e12, None), (None, 1e11)])
def test_limits_too_far_away_are_refused(support):
    x = np.random.default_rng(0).exponential(size=20)
    for fit in (
        lambda: cs.solve(cs.ScoreMatching(x, support=support), 2.0, skip=True),
        lambda: cs.PooledScore.fit(x, rng=0, support=support),
    ):
        with pytest.raises(ValueError, match=r"support: expected limits within 1e\+09 times the range"):
            fit()


def test_boxes_may_be_made_of_arrays():
    X = np.random.default_rng(0).random((5, 2))
    mixed = cs.ScoreMatching(X, support=[np.array([0.0, np.inf]), None])
    assert mixed.support == ((0.0, np.inf), (-np.inf, np.inf))
    assert cs.ScoreMatching(X, support=np.array([[0, 1], [0, 2]])).support == ((0.0, 1.0), (0.0, 2.0))
