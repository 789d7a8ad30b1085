"""Members of pools: what they show, how pools are made of them, and wrong arguments."""

import pickle

import numpy as np
import pytest

import convexscore as cs
from convexscore.pooling.points import Points, standardized
from convexscore.pooling.transformation import best_transformation

from .helpers import fitted, sample


def test_members_show_their_certificates():
    pooled = fitted("skewed")
    kinds = {member.kind for member in pooled.members}
    assert {"network", "transformed"} <= kinds
    for member in pooled.members:
        if member.beta is None:
            assert member.certificate is None
            assert member.solution is None
            assert member.n_kinks is None
            continue
        assert member.certificate.meets(1e-8)
        assert member.certificate.scope == "global"
        assert member.solution.beta == member.beta
        assert member.n_kinks is not None
    plain = next(member for member in pooled.members if member.kind == "network" and not member.jitter)
    again = cs.solve(cs.ScoreMatching(sample("skewed")), plain.beta, skip=True)
    # In standard units values are larger by the variance.
    assert plain.solution.value == pytest.approx(again.value * sample("skewed").var(), rel=1e-8)
    x = np.quantile(sample("skewed"), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(plain(x), again.network(x), rtol=1e-7)
    jittered = [member for member in pooled.members if member.jitter]
    assert all(0 < member.jitter < sample("skewed").std() for member in jittered)


def test_exponents_are_those_of_the_data_in_standard_units():
    for name in ("skewed", "left"):
        x = np.sort(sample(name))
        points, _ = standardized(Points.merged(x, np.ones(x.size)))
        wanted = best_transformation(points).exponent
        pooled = cs.PooledScore.fit(x, members=("transformed",), rng=0)
        assert all(member.exponent == pytest.approx(wanted, abs=1e-8) for member in pooled.members)


def test_what_is_printed_says_who_voted():
    text = str(fitted("groups"))
    assert text.startswith("pooled score of ")
    assert "mixture of " in text
    assert "kinks" in text
    assert len(text.splitlines()) <= 10
    assert repr(fitted("gaussian")) == "<PooledScore: line 1.00>"
    assert str(fitted("groups").members[0]).startswith(f"{fitted('groups').weights[0]:.3f}")


def test_pickles_do_the_same():
    pooled = fitted("groups")
    again = pickle.loads(pickle.dumps(pooled))
    x = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(pooled(x), again(x))
    np.testing.assert_array_equal(pooled.icdf([0.1, 0.9]), again.icdf([0.1, 0.9]))
    assert again.members[0].kind == pooled.members[0].kind


def test_seeds_say_what_is_drawn():
    x = sample("groups")
    same = [cs.PooledScore.fit(x, rng=4).weights for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert not np.array_equal(same[0], cs.PooledScore.fit(x, rng=5).weights)
    generators = [np.random.default_rng(4) for _ in range(2)]
    np.testing.assert_array_equal(*(cs.PooledScore.fit(x, rng=g).weights for g in generators))


GOOD = [0.0, 1.0, 2.0, 4.0, 7.0, 8.0]
WRONG = {
    "few": ({"X": [1.0, 2.0, 3.0, 5.0]}, ValueError, "X: expected at least 5 points, got 4"),
    "equal": ({"X": [2.0] * 9}, ValueError, "X: expected at least two distinct values, got 9"),
    "nan": ({"X": [*GOOD, np.nan]}, ValueError, "X: expected finite numbers, got 1 NaN"),
    "masked": ({"X": np.ma.masked_equal(GOOD, 4.0)}, ValueError, "X: expected numbers everywhere"),
    "strings": ({"X": ["a"] * 6}, TypeError, "X: expected real numbers"),
    "three features": ({"X": np.ones((9, 3))}, ValueError, "X: expected one or two features"),
    "empty": ({"X": []}, ValueError, "X: expected at least one sample"),
    "huge": ({"X": np.array(GOOD) * 1e200}, ValueError, "X: expected a range between"),
    "no members": ({"members": ()}, ValueError, "members: expected some of 'line'.*got none"),
    "unknown": ({"members": ("line", "kernel")}, ValueError, "members: expected some of .*got 'kernel'"),
    "a string": (
        {"members": "line"},
        ValueError,
        "members: expected .* sequence, got the string 'line'",
    ),
    "a number": ({"members": 3}, TypeError, "members: expected some of .*got 3"),
    "unhashable": ({"members": [["line"]]}, ValueError, r"members: expected some of .*got \['line'\]"),
    "negative": ({"sample_weight": [1, 1, 1, 1, 1, -1]}, ValueError, "sample_weight: expected weights"),
    "zeros": ({"sample_weight": np.zeros(6)}, ValueError, "sample_weight: expected at least one positive"),
    "short": ({"sample_weight": np.ones(5)}, ValueError, r"sample_weight: expected shape \(6,\), got \(5,\)"),
    "shares": (
        {"sample_weight": np.ones(6) / 6},
        ValueError,
        "sample_weight: expected at least 5 points",
    ),
    "seed": ({"rng": -1}, ValueError, "rng: expected an integer of at least 0"),
    "text": ({"rng": "x"}, TypeError, "rng: expected a Generator"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name):
    arguments, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        cs.PooledScore.fit(**{"X": GOOD, **arguments})


def test_pools_are_made_of_members_of_one_fit():
    pooled, other = fitted("groups"), fitted("skewed")
    part = cs.PooledScore(pooled.members[:2])
    assert part.weights.sum() == pytest.approx(1)
    assert part.weights[0] / part.weights[1] == pytest.approx(pooled.weights[0] / pooled.weights[1])
    for wrong in ((), [3], None, "line"):
        with pytest.raises(TypeError, match="members: expected a sequence of PooledMember"):
            cs.PooledScore(wrong)
    with pytest.raises(ValueError, match="members: expected members of one fit"):
        cs.PooledScore([pooled.members[0], other.members[0]])


def test_members_given_twice_count_once_and_in_any_order():
    x = sample("groups", 30)
    once = cs.PooledScore.fit(x, members=("line", "network"), rng=0)
    twice = cs.PooledScore.fit(x, members=["network", "line", "network"], rng=0)
    np.testing.assert_array_equal(once.weights, twice.weights)


def test_samplers_take_a_pooled_score():
    pooled = fitted("groups")
    x = cs.samplers.langevin(pooled, np.zeros(200), 0.01, 300, rng=0)
    assert x.shape == (200,)
    assert abs(x.mean() - pooled.mean()) < 1.0
