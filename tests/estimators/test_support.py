"""Estimators of data with limits are the fits of `solve` between these limits, in any units."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import convexscore as cs

DURATIONS = np.random.default_rng(0).exponential(size=(200, 1))
SHARES = np.random.default_rng(1).beta(2.0, 3.0, size=(150, 1))
POINTS = np.linspace(-1.0, 6.0, 113)[:, None]
Estimator = cs.ConvexScoreEstimator


def on_half_line(**options):
    return Estimator("certified", support=(0, None), **options)


@pytest.mark.parametrize("whiten", [False, True])
def test_it_is_the_network_of_solve_between_the_limits(whiten):
    for X, support in ((DURATIONS, (0, None)), (SHARES, (0.0, 1.0))):
        estimator = Estimator("certified", support=support, whiten=whiten).fit(X)
        density = cs.solve(cs.ScoreMatching(X, support=support), "auto", skip=True).density()
        found, expected = estimator.score_samples(POINTS), density.logpdf(POINTS[:, 0])
        inside = np.isfinite(expected)
        assert 0 < inside.sum() < len(POINTS)
        np.testing.assert_array_equal(np.isfinite(found), inside)
        np.testing.assert_allclose(found[inside], expected[inside], atol=1e-6)
        assert estimator.solution_.certificate.scope == "global"
        assert estimator.score(X) == pytest.approx(float(np.mean(density.logpdf(X))), abs=1e-6)


def test_points_beyond_a_limit_have_no_density():
    # In the units of the network they are on it.
    estimator = Estimator("certified", support=(0.1, None), beta=20.0).fit(DURATIONS + 0.1)
    ends = np.array([[np.nextafter(0.1, 0.0)], [0.1]])
    assert np.isfinite(estimator.score_samples(ends)).tolist() == [False, True]
    assert estimator.score(ends) == -np.inf


class AtTheEnd:
    """A density whose samples are all on the end of the support, where rounding may carry them across."""

    def __init__(self, density):
        self.ends = [end for end in density.support() if np.isfinite(end)]

    def sample(self, n, rng=None):
        return np.resize(self.ends, n)


@pytest.mark.parametrize("slope", [-70.0, -3.0, 1.0, 3.0, 70.0])
def test_samples_keep_to_the_support(slope):
    for limit in (0.1, 0.3, 1 / 3, 0.7, 1.9):
        support = (limit, None) if slope > 0 else (None, limit)
        estimator = Estimator("certified", support=support, beta=20.0).fit(slope * DURATIONS + limit)
        samples = estimator.sample(500, random_state=0)
        estimator._model.__dict__["density"] = AtTheEnd(estimator._model.density)
        at_end = estimator.sample(1)
        for found in (samples, at_end):
            assert (np.sign(slope) * (found - limit) >= 0).all()


@pytest.mark.parametrize("slope", [-30.0, 0.2])
def test_fits_of_affine_images_are_images_of_fits(slope):
    estimator = on_half_line().fit(DURATIONS)
    support = (7.0, None) if slope > 0 else (None, 7.0)
    moved = Estimator("certified", support=support).fit(slope * DURATIONS + 7.0)
    assert moved.beta_ == pytest.approx(estimator.beta_, rel=1e-6)
    expected = estimator.score_samples(DURATIONS) - np.log(abs(slope))
    np.testing.assert_allclose(moved.score_samples(slope * DURATIONS + 7.0), expected, atol=1e-6)
    samples = moved.sample(1000, random_state=0)
    assert (samples >= 7.0).all() if slope > 0 else (samples <= 7.0).all()


@pytest.mark.parametrize("slope", [-3.0, 1.0])
def test_losses_are_those_of_the_objective(slope):
    support = (0.0, np.inf) if slope > 0 else (-np.inf, 0.0)
    X = slope * DURATIONS
    estimator = Estimator("certified", support=support, beta=10.0).fit(X)
    expected = cs.ScoreMatching(X, support=support).loss(estimator.network_)
    assert estimator._model.losses(X).sum() == pytest.approx(expected, rel=1e-9)
    assert np.isinf(estimator._model.losses(-X)).all()


def test_without_a_density_the_loss_is_the_score():
    X = np.random.default_rng(1).lognormal(size=(100, 1))
    rising = on_half_line(beta=3.0, tails=None).fit(X)
    assert not hasattr(rising, "score_samples")
    assert rising.score(X) == pytest.approx(-float(np.mean(rising._model.losses(X))))
    assert rising.score(-X) == -np.inf


def test_the_default_is_the_pool_between_the_limits():
    estimator = Estimator(support=(0, 1), random_state=0).fit(SHARES)
    pooled = cs.PooledScore.fit(SHARES, rng=0, support=(0, 1))
    np.testing.assert_array_equal(estimator.score_samples(POINTS), pooled.logpdf(POINTS[:, 0]))
    assert estimator.method_ == "pooled"
    assert estimator.pooled_.support() == (0.0, 1.0)
    assert (estimator.score_samples([[-0.1], [1.1]]) == -np.inf).all()
    samples = estimator.sample(500, random_state=1)
    assert ((samples >= 0) & (samples <= 1)).all()
    with pytest.warns(UserWarning, match="1 of 151 samples are on an end"):
        again = Estimator(support=(0, 1), random_state=0).fit(np.append(SHARES, [[1.0]], axis=0))
    np.testing.assert_array_equal(again.score_samples(POINTS), estimator.score_samples(POINTS))


def test_samples_on_an_end_are_left_out_with_a_warning():
    X = np.concatenate([DURATIONS, np.zeros((7, 1))])
    with pytest.warns(UserWarning, match="X: 7 of 207 samples are on an end of the support") as caught:
        estimator = on_half_line().fit(X)
    assert len(caught) == 1
    np.testing.assert_array_equal(
        estimator.score_samples(POINTS), on_half_line().fit(DURATIONS).score_samples(POINTS)
    )


def test_weights_are_repetitions():
    weights = np.random.default_rng(1).integers(0, 3, len(DURATIONS))
    first = on_half_line().fit(DURATIONS, sample_weight=weights)
    second = on_half_line().fit(np.repeat(DURATIONS, weights, axis=0))
    np.testing.assert_allclose(first.score_samples(DURATIONS), second.score_samples(DURATIONS), atol=1e-7)


def test_pipelines_searches_clones_and_files_keep_the_support(tmp_path):
    estimator = make_pipeline(FunctionTransformer(), Estimator("certified", beta=20.0))
    grid = {"convexscoreestimator__support": [None, (0, None), (-5.0, None)]}
    search = GridSearchCV(estimator, grid, cv=3).fit(DURATIONS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # The data jump at 0.
    assert search.best_params_["convexscoreestimator__support"] == (0, None)
    fitted = search.best_estimator_[-1]
    assert clone(fitted).get_params()["support"] == (0, None)
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copied.score_samples(POINTS), fitted.score_samples(POINTS))
    fitted.solution_.save(tmp_path / "solution.npz")
    loaded = cs.load(tmp_path / "solution.npz")
    assert loaded.density().support() == fitted.solution_.density().support() != (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"objective": "dsm"}, DURATIONS, r"support: expected None with objective='dsm', got \(0, None\)"),
        ({"conservative": True}, DURATIONS, "support: expected None with conservative=True"),
        ({}, np.c_[DURATIONS, DURATIONS**2], "support: expected None for 2 features"),
        ({}, np.ones((5, 3)), "support: expected None for 3 features"),
        ({}, -DURATIONS, "X: expected values within the support from 0 to inf, got -"),
        ({"support": (1, 0)}, DURATIONS, "support: expected a lower end below the upper one"),
        ({"support": 3}, DURATIONS, "support: expected a pair of numbers"),
        ({"support": (0, "a")}, DURATIONS, "support: expected "),
        ({"method": "pooled", "support": [0]}, DURATIONS, "support: expected a pair of numbers"),
    ],
)
def test_a_support_without_effect_is_refused(options, X, message):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        Estimator(**{"method": "certified", "support": (0, None), **options}).fit(X)


def test_no_limits_are_none():
    first, second = (Estimator("certified", "dsm", beta=9.0, support=given) for given in (None, (None, None)))
    np.testing.assert_array_equal(
        first.fit(DURATIONS).score_samples(POINTS), second.fit(DURATIONS).score_samples(POINTS)
    )


@pytest.mark.parametrize("support", [(0, None), [(0, None), (0, 1)], [(0, None)] * 3])
@pytest.mark.parametrize("method", ["pooled", "certified"])
def test_two_features_take_none(method, support):
    X = np.random.default_rng(0).random((30, 2))
    with pytest.raises(ValueError, match="support: expected None for 2 features, got"):
        Estimator(method, support=support).fit(X)
