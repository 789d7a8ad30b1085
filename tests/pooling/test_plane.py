"""Pooled scores in the plane, from fit to samples."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.pooling.planar import election

RING = cs.targets.ring(n_modes=5, radius=3.0, scale=0.4)


@pytest.fixture(scope="module")
def data():
    return RING.sample(120, rng=3)


@pytest.fixture(scope="module")
def pooled(data):
    return cs.PooledScore.fit(data, rng=0)


@pytest.fixture(scope="module")
def networks(data):
    return cs.PooledScore.fit(data, members=("network",), rng=0)


def test_the_score_is_the_gradient_of_the_log_density(pooled, networks, data):
    for law in (pooled, networks, networks.members[0]):
        x = data[:20] + 0.1
        slopes = [(law.logpdf(x + e) - law.logpdf(x - e)) / 2e-6 for e in 1e-6 * np.eye(2)]
        np.testing.assert_allclose(law(x), np.transpose(slopes), rtol=1e-4, atol=1e-4)


def test_the_density_integrates_to_one(pooled, networks):
    nodes = np.linspace(-14, 14, 1401)
    x = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    for law in (pooled, networks):
        assert abs(law.pdf(x).sum() * (nodes[1] - nodes[0]) ** 2 - 1) < 1e-3


def test_samples_have_the_moments(networks):
    samples = networks.sample(50_000, rng=1)
    assert samples.shape == (50_000, 2)
    np.testing.assert_allclose(samples.mean(axis=0), networks.mean(), atol=0.06)
    np.testing.assert_allclose(np.cov(samples.T), networks.covariance(), rtol=0.03, atol=0.1)
    np.testing.assert_array_equal(networks.variance(), np.diag(networks.covariance()))
    np.testing.assert_allclose(networks.std() ** 2, networks.variance())


def test_members_vote_and_show_what_they_are(networks):
    assert abs(networks.weights.sum() - 1) < 1e-12
    assert {member.kind for member in networks.members} == {"network"}
    assert "network" in str(networks)
    member = networks.members[0]
    assert member.n_features == 2
    assert member.n_kinks > 0
    certificate = member.certificate
    assert certificate.scope == "global"
    assert certificate.meets(1e-2)
    assert certificate.dual <= certificate.primal


def test_the_optimum_of_a_member_is_below_its_own_network(networks):
    member = networks.members[0]
    fit, solution = member._fit, member.solution
    objective = cs.ScoreMatching(fit.points.value, fit.points.mass)
    assert solution.value == pytest.approx(solution.network.loss(objective, member.beta))
    assert solution.value <= fit.network.loss(objective, member.beta)


@pytest.mark.parametrize(
    "A", [[[2.0, 1.0], [0.3, -4.0]], [[0.0, 1e6], [1e-6, 0.0]], [[0.6, -0.8], [0.8, 0.6]]]
)
def test_affine_maps_of_data_map_the_fit(pooled, data, A):
    A, b = np.array(A), np.array([100.0, -7.0]) * np.abs(A).max(initial=0.0, axis=1)
    mapped = cs.PooledScore.fit(data @ A.T + b, rng=0)
    x = data[::7]
    change = np.log(abs(np.linalg.det(A)))
    np.testing.assert_allclose(mapped.logpdf(x @ A.T + b) + change, pooled.logpdf(x), atol=1e-5)
    np.testing.assert_allclose(mapped(x @ A.T + b) @ A, pooled(x), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(mapped.weights, pooled.weights, atol=1e-5)


def test_order_and_repetition_by_weights_change_nothing(data):
    rows = np.random.default_rng(0).permutation(len(data))
    first = cs.PooledScore.fit(data, rng=0)
    shuffled = cs.PooledScore.fit(data[rows], rng=0)
    np.testing.assert_array_equal(first.logpdf(data), shuffled.logpdf(data))
    counts = np.random.default_rng(1).integers(0, 3, len(data))
    repeated = cs.PooledScore.fit(np.repeat(data, counts, axis=0), rng=0)
    weighted = cs.PooledScore.fit(data, rng=0, sample_weight=counts)
    np.testing.assert_allclose(weighted.logpdf(data), repeated.logpdf(data), atol=1e-8)


def test_gaussian_data_keep_the_gaussian():
    alone = []
    for seed in range(8):
        x = np.random.default_rng(seed).standard_normal((60, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]])
        pooled = cs.PooledScore.fit(x, rng=0)
        alone.append([member.kind for member in pooled.members] == ["line"])
    assert sum(alone) >= 6


def test_the_pool_beats_the_gaussian_on_modes(pooled):
    fresh = RING.sample(2000, rng=9)
    truth = RING.score(fresh)
    line = cs.PooledScore.fit(RING.sample(120, rng=3), members=("line",), rng=0)
    errors = [np.mean(np.sum((law(fresh) - truth) ** 2, axis=1)) for law in (pooled, line)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("n", [5, 8])
def test_few_points_have_a_density(n):
    x = np.random.default_rng(n).standard_normal((n, 2))
    pooled = cs.PooledScore.fit(x, rng=0)
    assert np.isfinite(pooled.logpdf(x)).all()
    assert np.isfinite(pooled(x)).all()


def test_data_with_ties_on_a_lattice_have_a_density():
    x = np.random.default_rng(0).integers(0, 4, (60, 2)).astype(float)
    pooled = cs.PooledScore.fit(x, rng=0)
    assert np.isfinite(pooled.logpdf(x)).all()


def test_many_points_are_put_together(monkeypatch):
    monkeypatch.setattr(election, "_MOST_POINTS", 64)
    x = RING.sample(1500, rng=0)
    pooled = cs.PooledScore.fit(x, rng=0)
    fresh = RING.sample(2000, rng=9)
    gaussian = cs.PooledScore.fit(x, members=("line",), rng=0)
    assert pooled.logpdf(fresh).mean() > gaussian.logpdf(fresh).mean() + 0.2


def test_what_the_plane_has_not_is_refused(pooled):
    for name in ("cdf", "sf", "logcdf", "logsf"):
        with pytest.raises(ValueError, match="expected a law of one feature, got one of 2"):
            getattr(pooled, name)([0.0])
    with pytest.raises(ValueError, match="expected a law of one feature"):
        pooled.icdf(0.5)
    for x in (0.0, [1.0, 2.0], np.ones((3, 1)), np.ones((3, 3))):
        with pytest.raises(ValueError, match=r"x: expected shape \(n, 2\)"):
            pooled(x)
        with pytest.raises(ValueError, match=r"x: expected shape \(n, 2\)"):
            pooled.logpdf(x)


GOOD = np.random.default_rng(0).standard_normal((9, 2))
WRONG = {
    "few": ({"X": GOOD[:4]}, "X: expected at least 5 points, got 4"),
    "equal": ({"X": np.ones((9, 2))}, "X: expected at least two distinct values, got 9"),
    "in line": ({"X": np.outer(np.arange(9.0), [1.0, 2.0])}, "X: expected points that are not all in line"),
    "one column constant": ({"X": np.column_stack([np.arange(9.0), np.ones(9)])}, "not all in line"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        cs.PooledScore.fit(**{"X": GOOD, **arguments})
