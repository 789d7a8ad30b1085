"""Densities of conservative networks on a box: exact laws, quadrature, samples, potentials without one."""

import copy
import pickle

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import convexscore as cs
from convexscore.errors import NotNormalizableError
from convexscore.scores.regions import Region

NONE = (np.zeros((0, 2)), [], [])


def linear(b2, S, origin=(0.0, 0.0)):
    return cs.ConservativeNetwork(*NONE, b2, S, origin=np.array(origin, dtype=float))


def bent(seed, activation="relu"):
    """Return a network with kinks, one of them upright and one level, that falls everywhere far out."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((6, 2))
    u[0], u[1] = [1.0, 0.0], [0.0, -2.0]
    a = rng.uniform(-1.0, 1.0, 6)
    most = np.abs(a) @ np.sum(u**2, axis=1)
    return cs.ConservativeNetwork(
        u,
        rng.standard_normal(6),
        a,
        rng.standard_normal(2),
        -(most + 0.2) * np.eye(2),
        activation=activation,
        origin=rng.standard_normal(2),
    )


def by_quadrature(net, box, reach=9.0, panels=120):
    """Return the logarithm of the integral, mean and covariance by Gauss quadrature on small squares."""
    x, w = np.polynomial.legendre.leggauss(6)
    sides = []
    for (low, high), at in zip(box, net.origin, strict=True):
        ends = np.linspace(max(low, at - reach), min(high, at + reach), panels + 1)
        width = np.diff(ends)[:, None]
        sides.append(((ends[:-1, None] + 0.5 * width * (1 + x)).ravel(), (0.5 * width * w).ravel()))
    points = np.stack(np.meshgrid(sides[0][0], sides[1][0], indexing="ij"), axis=-1).reshape(-1, 2)
    U = net.potential(points)
    mass = np.outer(sides[0][1], sides[1][1]).ravel() * np.exp(U - U.max())
    mean = mass @ points / mass.sum()
    away = points - mean
    return np.log(mass.sum()) + U.max(), mean, (away * mass[:, None]).T @ away / mass.sum()


INF = np.inf
LAWS = [
    ([-1.0, -2.0], (0.0, 0.0), ((0, INF), (0, INF)), stats.expon(), stats.expon(scale=0.5)),
    ([1.0, -2.0], (0.0, 0.0), ((-INF, 0), (1, INF)), None, stats.expon(loc=1, scale=0.5)),
    ([0.0, 0.0], (0.0, 0.0), ((0, 1), (-1, 3)), stats.uniform(), stats.uniform(-1, 4)),
    ([0.0, 0.0], (-1.0, -1.0), ((0, INF), (-INF, INF)), stats.halfnorm(), stats.norm()),
    ([0.0, 0.0], (-1.0, -1.0), ((-0.5, 1), (30, INF)), stats.truncnorm(-0.5, 1), stats.truncnorm(30, INF)),
    ([0.0, -3.0], (-1.0, 0.0), ((-INF, INF), (2, INF)), stats.norm(), stats.expon(loc=2, scale=1 / 3)),
    ([-1000.0, 0.0], (-1.0, -1.0), ((0, INF), (-1, 1)), None, stats.truncnorm(-1, 1)),
]


@pytest.mark.parametrize(("b2", "curvature", "box", "first", "second"), LAWS)
def test_products_of_laws_are_exact(b2, curvature, box, first, second):
    p = cs.ConservativeDensity(linear(b2, np.diag(curvature)), box)
    assert p.support() == box
    samples = p.sample(4000, rng=0)
    inside = samples[:200]
    for j, law in ((0, first), (1, second)):
        if law is None:
            continue
        assert p.mean()[j] == pytest.approx(law.mean(), rel=1e-8, abs=1e-9)
        assert p.covariance()[j, j] == pytest.approx(law.var(), rel=1e-6)
        assert stats.kstest(samples[:, j], law.cdf).statistic < 0.03
    if first is not None:
        exact = first.logpdf(inside[:, 0]) + second.logpdf(inside[:, 1])
        np.testing.assert_allclose(p.logpdf(inside), exact, atol=1e-8)
        assert p.covariance()[0, 1] == pytest.approx(0.0, abs=1e-8)
    for j, (low, high) in enumerate(box):
        for end, step in ((low, -1e-9), (high, 1e-9)):
            if np.isfinite(end):
                at = inside[:1].copy()
                at[0, j] = end
                assert p.pdf(at) > 0.0
                at[0, j] = end + step
                assert p.pdf(at) == 0.0
                assert p.log_ratio(inside[:1], at) == INF


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize(
    "box",
    [
        ((-0.7, 0.4), (-0.2, 0.9)),
        ((-0.3, INF), (-INF, 0.5)),
        ((-INF, INF), (-0.2, INF)),
        ((-0.6, 0.3), (-INF, INF)),
        ((-0.6, 0.3), (-0.4, INF)),
    ],
)
def test_normalizer_and_moments_are_those_of_a_fine_grid(activation, box):
    net = bent(int(activation == "abs"), activation)
    p = cs.ConservativeDensity(net, box)
    log_mass, mean, covariance = by_quadrature(net, box)
    assert p.log_normalizer == pytest.approx(log_mass, abs=1e-6)
    assert p.error < 1e-8
    np.testing.assert_allclose(p.mean(), mean, atol=1e-6)
    np.testing.assert_allclose(p.covariance(), covariance, atol=1e-6)
    samples = p.sample(5000, rng=2)
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=4 * np.sqrt(np.diag(covariance).max() / 5000))
    assert ((samples >= [a for a, _ in box]) & (samples <= [b for _, b in box])).all()


@pytest.mark.parametrize(
    ("b2", "S", "box", "direction"),
    [
        ([-1.0, -2.0], [[0, 0], [0, 0]], [(None, 0), (0, None)], r"\(-1, 0\)"),
        ([0.0, 1.0], [[-1, 0], [0, 0]], [None, (0, None)], r"\(0, 1\)"),
        # Falls along every ray inside, but not along one end of the quadrant: its integral is that of 1 / x.
        ([0.0, 0.0], [[-1, -1], [-1, 0]], [(0, None), (0, None)], r"\(0, 1\)"),
        # There it falls from zero on, and not from the left of it.
        ([0.0, -0.1], [[-1, -1], [-1, 0]], [(-1, None), (0, None)], r"\(0, 1\)"),
        ([0.0, -0.1], [[-1, -1], [-1, 0]], [(-1, 2), (0, None)], r"\(0, 1\)"),
        ([0.0, 0.0], [[-1, 0], [0, 1]], [(0, 1), None], r"\(0, -1\)"),
        ([-1.0, -1.0], [[0, 0], [0, 0]], [(0, 1), (None, 1)], r"\(0, -1\)"),
    ],
)
def test_a_potential_that_does_not_fall_where_there_is_no_limit_has_no_density(b2, S, box, direction):
    with pytest.raises(NotNormalizableError, match=direction):
        cs.ConservativeDensity(linear(b2, np.array(S, dtype=float)), box)


def test_what_falls_where_there_is_no_limit_has_a_density():
    saddle = linear([0.0, -0.1], np.array([[-1.0, -1.0], [-1.0, 0.0]]))
    for box in ([(0, None), (0, None)], [(1, 2), (0, None)]):
        low = box[0][0]
        p = cs.ConservativeDensity(saddle, box)
        # Along lines of the first coordinate it is an exponential law of rate x + 0.1.
        end = 2 if low else 40
        exact, _ = quad(lambda x: np.exp(-0.5 * x**2) / (x + 0.1), low, end, epsabs=1e-12, limit=500)
        assert p.log_normalizer == pytest.approx(np.log(exact), abs=1e-8)


def test_what_rises_has_a_density_between_limits():
    p = cs.ConservativeDensity(linear([0.0, 0.0], np.eye(2)), [(-1, 1), (0, 2)])
    log_mass, mean, covariance = by_quadrature(p.network, p.support())
    assert p.log_normalizer == pytest.approx(log_mass, abs=1e-9)
    np.testing.assert_allclose(p.mean(), mean, atol=1e-9)
    np.testing.assert_allclose(p.covariance(), covariance, atol=1e-9)


def test_limits_without_effect_are_none():
    net = bent(3)
    p, free = cs.ConservativeDensity(net, [None, None]), cs.ConservativeDensity(net)
    assert p.log_normalizer == free.log_normalizer
    assert p.support() == ((-INF, INF), (-INF, INF))
    far = cs.ConservativeDensity(net, [(-50, 50), (-50, 50)])
    assert far.log_normalizer == pytest.approx(free.log_normalizer, abs=1e-9)


def test_refusals_name_the_argument():
    net = bent(0)
    with pytest.raises(ValueError, match="support: expected one pair of limits, or None, for each of 2"):
        cs.ConservativeDensity(net, (0, None))
    with pytest.raises(ValueError, match="support: expected a lower end below"):
        cs.ConservativeDensity(net, [(1, 0), None])


def test_solutions_hand_their_support_over_and_files_keep_it(tmp_path):
    X = np.random.default_rng(0).gamma(2.0, size=(40, 2))
    objective = cs.ScoreMatching(X, support=[(0, None), (0, None)])
    solution = cs.solve(objective, 4.0, skip=True, conservative=True)
    p = solution.density()
    assert p.support() == objective.support == ((0.0, INF), (0.0, INF))
    assert "on [0, inf] x [0, inf]" in repr(p)
    assert np.abs(p.mean() - X.mean(axis=0)).max() < 0.5
    p.save(tmp_path / "p.npz")
    solution.save(tmp_path / "s.npz")
    others = (
        cs.load(tmp_path / "p.npz"),
        cs.load(tmp_path / "s.npz").density(),
        copy.deepcopy(p),
        pickle.loads(pickle.dumps(p)),
    )
    for other in others:
        assert other.support() == p.support()
        assert other.log_normalizer == p.log_normalizer
    kept = cs.load(tmp_path / "s.npz").objective
    assert kept.support == objective.support
    assert kept.boundary_weight == objective.boundary_weight


def test_turned_boxes_are_met_by_lines_where_they_are():
    root = np.sqrt(0.5)
    R = np.array([[root, root], [-root, root]])
    square = Region.of_box(((0.0, 2.0), (0.0, 2.0)), np.zeros(2)).turned(R)
    assert square.lines() == pytest.approx((0.0, 2 * np.sqrt(2)))
    low, high = square.on_lines(np.array([0.5, np.sqrt(2), 4.0]))
    np.testing.assert_allclose(low[:2], [-0.5, -np.sqrt(2)])
    np.testing.assert_allclose(high[:2], [0.5, np.sqrt(2)])
    assert high[2] == low[2]
    half = Region.of_box(((1.0, np.inf), (-np.inf, np.inf)), np.zeros(2))
    assert half.lines() == (1.0, np.inf)
    assert half.turned(R).lines() == (-np.inf, np.inf)


def test_a_point_that_is_none_has_no_density_in_a_box_either():
    network = cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [-1.0, -2.0], np.zeros((2, 2)))
    density = cs.ConservativeDensity(network, support=[(0, None), (0, None)])
    logs = density.logpdf([[np.nan, 0.5], [-1.0, 0.5], [0.0, 0.0]])
    assert np.isnan(logs[0])
    assert logs[1] == -np.inf
    assert logs[2] == pytest.approx(np.log(2.0))
