"""The automatic weight decay sees samples as frequencies: not their order, nor how they were written down."""

import numpy as np
import pytest

import convexscore as cs

RNG = np.random.default_rng(0)
BENT = np.round(np.concatenate([RNG.standard_normal(25) - 3, RNG.standard_normal(35) + 3]) * 64) / 64
STRAIGHT = np.round(RNG.standard_normal(40) * 4) / 4
PLANE = (
    np.round(np.concatenate([RNG.standard_normal((15, 2)) - 3, RNG.standard_normal((15, 2)) + 3]) * 64) / 64
)
SPACE = np.round(RNG.standard_normal((12, 3)) * 8) / 8
METHODS = ("combined", "bootstrap", "cv")

pytestmark = pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
every_case = pytest.mark.parametrize(
    ("kind", "X", "method"),
    [(kind, X, method) for kind in ("sm", "dsm") for X in (BENT, STRAIGHT) for method in METHODS]
    + [("sm", PLANE, "combined"), ("sm", SPACE, "combined"), ("dsm", PLANE, "bootstrap")],
    ids=lambda case: str(np.shape(case)) if isinstance(case, np.ndarray) else case,
)


def objective_of(kind, X, labels=None, weights=None):
    if kind == "sm":
        return cs.ScoreMatching(X, weights)
    return cs.DenoisingScoreMatching(X, labels_of(X) if labels is None else labels, sample_weight=weights)


def labels_of(X):
    # Equal points have different labels: they are distinct samples.
    return np.sin(37.0 * np.arange(X.size)).reshape(X.shape) - X / 4


def chosen(objective, method, **options):
    options = {} if method == "cv" else {"n_replicates": 10, **options}
    return cs.select_beta(objective, method, 7, **options)


@every_case
def test_the_order_does_not_matter(kind, X, method):
    order = np.random.default_rng(1).permutation(len(X))
    weights = 0.25 + np.arange(len(X)) % 3
    labels = labels_of(X)
    one = chosen(objective_of(kind, X, labels, weights), method)
    other = chosen(objective_of(kind, X[order], labels[order], weights[order]), method)
    assert one == other


@every_case
def test_repetitions_are_weights(kind, X, method):
    labels = labels_of(X)
    count = 1 + np.arange(len(X)) % 3
    for times in (np.full(len(X), 3), count):
        repeated = objective_of(kind, np.repeat(X, times, axis=0), np.repeat(labels, times, axis=0))
        weighted = objective_of(kind, X, labels, times.astype(float))
        assert chosen(repeated, method) == chosen(weighted, method)
    # And they do matter.
    assert chosen(repeated, method) != chosen(objective_of(kind, X, labels), method)


@every_case
def test_samples_of_weight_zero_are_left_out(kind, X, method):
    labels, weights = labels_of(X), np.ones(len(X))
    weights[::4] = 0
    kept = weights > 0
    assert chosen(objective_of(kind, X, labels, weights), method) == chosen(
        objective_of(kind, X[kept], labels[kept]), method
    )


@every_case
def test_units_do_not_matter(kind, X, method):
    labels = labels_of(X)
    for scale in (1024.0, 1 / 64):
        scaled = chosen(objective_of(kind, scale * X, labels / scale), method)
        assert scaled == pytest.approx(chosen(objective_of(kind, X, labels), method), rel=1e-6)


@every_case
def test_the_origin_does_not_matter(kind, X, method):
    labels = labels_of(X)
    here, there = (chosen(objective_of(kind, X + shift, labels), method) for shift in (0.0, 37.0))
    # In several dimensions the noise is that about a preliminary fit, accurate to a part in a thousand.
    assert there == pytest.approx(here, rel=1e-6 if X.ndim == 1 else 1e-2)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("X", [BENT, STRAIGHT, PLANE], ids=["bent", "straight", "plane"])
def test_solve_and_the_choice_agree_for_the_same_arguments(X, activation, skip):
    for kind in ("sm", "dsm"):
        objective = objective_of(kind, X)
        beta = cs.select_beta(objective, rng=0, activation=activation, skip=skip)
        assert cs.solve(objective, "auto", activation, skip).beta == beta
    # And for the same defaults.
    assert cs.solve(X, "auto").beta == cs.select_beta(X, rng=0)


def test_and_without_bias():
    assert cs.solve(PLANE, "auto", bias=False).beta == cs.select_beta(PLANE, rng=0, bias=False)
