"""Problems that many tests run over: the eight programs on random, tied, clustered, weighted data."""

import numpy as np
from hypothesis import strategies as st

import convexscore as cs

KINDS = [
    (objective, activation, skip)
    for objective in ("sm", "dsm")
    for activation in ("relu", "abs")
    for skip in (False, True)
]
DATA = ("random", "tied", "clustered", "weighted")


def make_data(name, n=30, seed=0):
    """Return points and sample weights (None or an array)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    if name == "tied":
        x = np.round(2 * x) / 2
    if name == "clustered":
        x = np.concatenate([0.05 * x[: n // 2] - 2, 0.05 * x[n // 2 :] + 2])
    return x, rng.uniform(0.3, 3.0, n) if name == "weighted" else None


def make_objective(objective, x, weights=None, seed=0):
    """Return a score matching or a denoising objective on the points `x`."""
    if objective == "sm":
        return cs.ScoreMatching(x, weights)
    noise = np.random.default_rng(seed + 1000).standard_normal(len(x))
    targets = 2 * noise / np.std(x) - (x - np.mean(x)) / np.var(x)
    return cs.DenoisingScoreMatching(x, targets, sample_weight=weights)


def make_beta(objective, activation, skip, share):
    """Return the beta that is this share of the way from boundedness to the linear regime."""
    bounds = cs.beta_bounds(objective, activation, skip)
    return bounds.minimum + share * (bounds.linear - bounds.minimum)


@st.composite
def problems(draw, objectives=("sm", "dsm"), activations=("relu", "abs"), max_size=14):
    """Draw (objective, beta, activation, skip): ties, clusters, weights and scales included."""
    grid = draw(st.sampled_from([1.0, 0.25, 0.01]))
    whole = st.integers(-12, 12) if grid == 1.0 else st.integers(-300, 300)
    points = draw(st.lists(whole, min_size=2, max_size=max_size).filter(lambda p: len(set(p)) > 1))
    x = grid * np.array(points, dtype=float) * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    weights = None
    if draw(st.booleans()):
        weights = np.array(draw(st.lists(st.integers(1, 8), min_size=len(x), max_size=len(x)))) / 4
    seed = draw(st.integers(0, 10**6))
    objective = make_objective(draw(st.sampled_from(objectives)), x, weights, seed)
    activation = draw(st.sampled_from(activations))
    skip = draw(st.booleans())
    share = draw(st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9, 1.0, 1.2]))
    return objective, make_beta(objective, activation, skip, share), activation, skip


def value_scale(objective, value):
    """Return the size against which errors of the objective are relative."""
    weights = objective.weights
    scale = abs(value) + 0.5 * float(weights @ objective.targets[:, 0] ** 2)
    if objective.has_trace:
        scale += weights.sum() / np.cov(objective.X[:, 0], aweights=weights, ddof=0)
    return float(scale)
