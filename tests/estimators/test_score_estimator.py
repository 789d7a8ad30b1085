"""The estimator keeps scikit-learn's conventions, and is what `solve` and `PooledScore` give."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import convexscore as cs

G = np.random.default_rng(0)
LINE = G.permutation(np.concatenate([G.normal(-2, 0.5, 40), G.normal(1, 1, 60)]))[:, None]
PLANE = np.vstack([G.normal(-2, 0.7, (40, 2)), G.normal(1, 1, (40, 2))])
SPACE = G.standard_normal((40, 3))
Estimator = cs.ConvexScoreEstimator

# With a weight decay given: to choose one in many dimensions takes long, as do draws of noise there.
CHECKED = [
    Estimator("certified", beta=1000.0),
    Estimator("certified", beta=1000.0, conservative=True),
]
if os.environ.get("CONVEXSCORE_FUZZ"):
    CHECKED += [
        Estimator("certified", "dsm", beta=1000.0),
        Estimator(),
        Estimator("certified"),
        Estimator("certified", conservative=True),
    ]


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(CHECKED)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_a_pool_is_the_pooled_score():
    for X in (LINE, PLANE):
        estimator = Estimator(random_state=0).fit(X)
        pooled = cs.PooledScore.fit(X, rng=0)
        np.testing.assert_array_equal(estimator.score_function(X), pooled(X))
        np.testing.assert_array_equal(estimator.score_samples(X), pooled.logpdf(X).reshape(len(X)))
        assert estimator.score(X) == pytest.approx(float(np.mean(pooled.logpdf(X))), rel=1e-14)
        assert (estimator.method_, estimator.sample(4).shape) == ("pooled", (4, X.shape[1]))


def test_a_certified_network_is_that_of_solve():
    estimator = Estimator("certified", whiten=False, beta=10.0).fit(LINE)
    network = cs.solve(LINE, 10.0, skip=True, tails="integrable").network
    np.testing.assert_allclose(estimator.score_function(LINE), network(LINE), rtol=1e-9)
    automatic = Estimator("certified", whiten=False).fit(LINE)
    assert automatic.beta_ == pytest.approx(cs.solve(LINE, "auto", skip=True).beta, rel=1e-12)


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize("X", [LINE, PLANE], ids=["line", "plane"])
def test_scores_density_and_loss_follow_the_chain_rule(X, conservative):
    scales = np.array([[30.0, 4.0], [0.0, 0.2]])[: X.shape[1], : X.shape[1]]
    X = X @ scales + 100.0
    estimator = Estimator("certified", conservative=conservative, beta=8.0).fit(X)
    points = X[::7] + 0.013
    score = estimator.score_function(points)
    size = np.abs(score).max()
    np.testing.assert_allclose(estimator.network_(points), score, rtol=1e-8, atol=1e-9 * size)
    trace = np.zeros(len(points))
    for axis, width in enumerate(1e-6 * X.std(axis=0)):
        step = np.eye(X.shape[1])[axis] * width
        both = [estimator.score_function(points + sign * step)[:, axis] for sign in (1, -1)]
        trace += (both[0] - both[1]) / (2 * width)
        if hasattr(estimator, "score_samples"):
            logs = [estimator.score_samples(points + sign * step) for sign in (1, -1)]
            slope = (logs[0] - logs[1]) / (2 * width)
            np.testing.assert_allclose(slope, score[:, axis], rtol=1e-4, atol=1e-5 * size)
    losses = estimator._model.losses(points)
    np.testing.assert_allclose(
        losses, trace + 0.5 * np.sum(score**2, axis=1), atol=1e-5 * np.abs(losses).max()
    )


def test_densities_are_of_mass_one_in_the_units_of_the_data():
    x = np.linspace(-20, 20, 40_001)[:, None]
    for estimator in (Estimator("certified"), Estimator("certified", "dsm", noise_level=0.3)):
        density = np.exp(estimator.fit(LINE).score_samples(x))
        assert np.trapezoid(density, x[:, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("objective", ["sm", "dsm"])
@pytest.mark.parametrize("X", [LINE, PLANE], ids=["line", "plane"])
def test_fits_of_affine_images_are_images_of_fits(X, objective):
    d = X.shape[1]
    A = np.array([[-300.0, 40.0], [1.0, 0.2]])[:d, :d]
    moved = X @ A.T + 7.0
    first, second = (Estimator("certified", objective, random_state=0).fit(part) for part in (X, moved))
    assert second.beta_ == pytest.approx(first.beta_, rel=1e-6)
    expected = first.score_function(X) @ np.linalg.inv(A)
    size = np.abs(expected).max(axis=0)
    assert (np.abs(second.score_function(moved) - expected) <= 1e-5 * size).all()


@pytest.mark.filterwarnings("ignore:beta. one value holds:UserWarning")
@pytest.mark.parametrize(
    "estimator",
    [Estimator(random_state=0), Estimator("certified"), Estimator("certified", "dsm", random_state=0)],
    ids=["pooled", "certified", "dsm"],
)
@pytest.mark.parametrize("X", [LINE, PLANE], ids=["line", "plane"])
def test_weights_are_repetitions(X, estimator):
    weights = np.random.default_rng(1).integers(0, 3, len(X))
    first = clone(estimator).fit(X, sample_weight=weights)
    second = clone(estimator).fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(first.score_function(X), second.score_function(X), rtol=1e-6, atol=1e-8)


def test_what_has_no_density_hides_it():
    assert hasattr(Estimator(), "sample")
    for X, options in ((PLANE, {}), (SPACE, {"conservative": True})):
        estimator = Estimator("certified", beta=100.0, **options).fit(X)
        assert not hasattr(estimator, "score_samples")
        assert not hasattr(estimator, "sample")
        assert estimator.score(X) == pytest.approx(-float(np.mean(estimator._model.losses(X))))
    assert hasattr(Estimator("certified", conservative=True, beta=30.0).fit(PLANE), "score_samples")


def test_three_features_take_the_network():
    estimator = Estimator().fit(SPACE)
    assert estimator.method_ == "certified"
    assert estimator.pooled_ is None
    assert estimator.score_function(SPACE).shape == SPACE.shape


def test_data_in_a_hyperplane_have_a_score_along_it():
    X = np.column_stack([PLANE, PLANE @ [1.0, 2.0]])
    with pytest.warns(UserWarning, match="80 distinct samples of 3 features span 2 dimensions"):
        estimator = Estimator("certified", beta=20.0).fit(X)
    across = np.array([1.0, 2.0, -1.0])
    score = estimator.score_function(X)
    assert np.abs(score @ across).max() < 1e-9
    # Moves along the plane are of two coordinates: the score of those.
    along = score @ np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
    expected = Estimator("certified", beta=20.0).fit(PLANE).score_function(PLANE)
    np.testing.assert_allclose(along, expected, atol=1e-5 * np.abs(expected).max())


def test_pipelines_searches_clones_and_pickles():
    pipeline = make_pipeline(StandardScaler(), Estimator("certified", random_state=0))
    grid = {"convexscoreestimator__beta": [5.0, 20.0, 1000.0]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(LINE)
    assert search.best_params_["convexscoreestimator__beta"] < 1000
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    copied = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(copied.score_samples(LINE), search.best_estimator_.score_samples(LINE))


def test_results_do_not_depend_on_workers(monkeypatch):
    module = sys.modules["convexscore.estimators.score_estimator"]
    monkeypatch.setattr(module, "_BLOCK", 16)
    for X in (LINE, PLANE):
        one, two = (Estimator(random_state=0, n_jobs=count).fit(X) for count in (None, 2))
        np.testing.assert_array_equal(one.score_function(X), two.score_function(X))
        np.testing.assert_array_equal(one.score_samples(X), two.score_samples(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_features_are_kept(library):
    frames = pytest.importorskip(library)
    X = frames.DataFrame({"a": PLANE[:, 0], "b": PLANE[:, 1]})
    estimator = Estimator("certified", beta=50.0).fit(X)
    assert estimator.feature_names_in_.tolist() == ["a", "b"]
    assert estimator.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        estimator.score_function(X[["b", "a"]])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"method": "best"}, "method"),
        ({"objective": "dsm"}, "objective"),
        ({"activation": "abs"}, "activation"),
        ({"skip": False}, "skip"),
        ({"beta": 3.0}, "beta"),
        ({"shape": "log-concave"}, "shape"),
        ({"tails": None}, "tails"),
        ({"conservative": True}, "conservative"),
        ({"whiten": False}, "whiten"),
        ({"noise_level": 1.0}, "noise_level"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"random_state": -1}, "random_state"),
        ({"random_state": "a"}, "random_state"),
        ({"method": "certified", "noise_level": 1.0}, "noise_level"),
        ({"method": "certified", "beta": "best"}, "beta"),
        ({"method": "certified", "beta": -1.0}, "beta"),
        ({"method": "certified", "shape": "log-concave"}, "shape"),
        ({"method": "certified", "objective": "dsm", "shape": "log-concave"}, "shape"),
        ({"method": "certified", "whiten": 1}, "whiten"),
    ],
)
def test_arguments_without_effect_are_refused(options, name):
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected"):
        Estimator(**options).fit(PLANE)


def test_samples_follow_the_random_state():
    estimator = Estimator("certified", random_state=3).fit(LINE)
    np.testing.assert_array_equal(estimator.sample(5), estimator.sample(5))
    assert (estimator.sample(5, random_state=1) != estimator.sample(5)).any()
    first, second = (estimator.sample(5, random_state=np.random.RandomState(0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert estimator.sample().shape == (1, 1)


def test_scikit_learn_is_imported_when_it_is_asked_for():
    code = (
        "import sys, convexscore as cs; assert 'ConvexScoreEstimator' in dir(cs) and "
        "'ConvexScoreEstimator' in cs.__all__; assert 'sklearn' not in sys.modules; cs.ConvexScoreEstimator"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys; sys.modules['sklearn'] = None; import convexscore as cs; cs.ConvexScoreEstimator"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "install it with: pip install scikit-learn" in done.stderr
