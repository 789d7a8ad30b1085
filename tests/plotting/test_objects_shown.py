"""Objects that show themselves: a paragraph, a page of a notebook, axes; on awkward numbers too."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.activations import Activation

from .pictures import CONSERVATIVE, IN_PLANE, LINE, ON_LINE, PATH, PLANE

POOLED = cs.PooledScore.fit(LINE[:40], members=("line", "mixture"), rng=0)
PLANAR_POOLED = cs.PooledScore.fit(PLANE, members=("line", "mixture"), rng=0)
LONG = Activation("<&" + "a very long name " * 200 + "\x00", 0.3)
WIDE = np.random.default_rng(0).standard_normal((3000, 2))

THINGS = {
    "solution": ON_LINE,
    "solution in the plane": IN_PLANE,
    "conservative solution": CONSERVATIVE,
    "certificate": ON_LINE.certificate,
    "path": PATH,
    "path without kinks": cs.regularization_path([0.0, 1.0], skip=True, betas=[30.0]),
    "density": ON_LINE.density(),
    "planar density": CONSERVATIVE.density(),
    "patterns": cs.enumerate_patterns(PLANE, bias=True),
    "some patterns": cs.sample_patterns(PLANE, 5, rng=0),
    "no sample": cs.enumerate_patterns([[0.0, 0.0]]),
    "pooled": POOLED,
    "planar pooled": PLANAR_POOLED,
    "member": POOLED.members[0],
    "planar member": PLANAR_POOLED.members[0],
    "network": ON_LINE.network,
    "network without neurons": cs.TwoLayerNetwork(np.zeros((0, 1)), [], np.zeros((1, 0)), [0.0]),
    "huge network": cs.TwoLayerNetwork([[1e200]], [1e200], [[-1e150]], [1e300], [[-1e300]]),
    "tiny network": cs.TwoLayerNetwork([[5e-324]], [5e-324], [[5e-324]], [5e-324]),
    "many neurons": cs.TwoLayerNetwork(WIDE, np.zeros(3000), WIDE.T, np.zeros(2)),
    "three features": cs.TwoLayerNetwork(np.eye(3), np.ones(3), np.eye(3), np.ones(3)),
    "odd activation": cs.TwoLayerNetwork([[1.0]], [0.5], [[-1.0]], [0.0], [[-1.0]], activation=LONG),
    "gated": cs.solve(PLANE[:6], 8.0, gated=True).network,
    "gated on the line": cs.GatedNetwork(
        [[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0]
    ),
    "conservative network": CONSERVATIVE.network,
    "levels": cs.NoiseConditionalScore.fit(LINE[:40], [1.0, 0.5], 5.0, n_draws=2, rng=0),
    "levels in the plane": cs.NoiseConditionalScore.fit(PLANE[:9], [1.0, 0.5], 5.0, n_draws=2, rng=0),
    "levels of any scores": cs.NoiseConditionalScore([2.0, 1.0], [np.negative, np.negative]),
}
NOT_DRAWN = {
    "three features": "network: expected 1 or 2",
    "levels of any scores": "expected data for a score",
}


@pytest.mark.parametrize("name", THINGS)
def test_a_paragraph_says_what_it_is(name):
    words = repr(THINGS[name])
    assert words.startswith(f"<{type(THINGS[name]).__name__}: ")
    assert len(words) < 600
    assert "\n" not in words
    assert words.count("array(") == 0


@pytest.mark.parametrize("name", THINGS)
def test_a_page_is_small_whole_and_links_nowhere(name):
    page = THINGS[name]._repr_html_()
    root = ElementTree.fromstring(page)
    assert len(page) < 20_000
    assert not re.search(r"https?:|href|src=|<script|url\(", page)
    assert root.find("svg") is not None or name == "no sample"
    drawn = page.partition("<svg")[2]
    assert not re.search(r"\b(nan|inf)\b", drawn)


def test_pages_name_the_numbers():
    def cells(thing):
        rows = ElementTree.fromstring(thing._repr_html_()).iter("tr")
        return {row[0].text: row[1].text for row in rows}

    shown = cells(ON_LINE)
    assert float(shown["value"]) == pytest.approx(ON_LINE.value, rel=1e-9)
    assert float(shown["weight decay"]) == 20
    assert float(shown["gap"]) == pytest.approx(ON_LINE.certificate.gap, rel=1e-2)
    assert (shown["scope"], shown["theorem"], shown["neurons"]) == ("global", "A.5", "7")
    density = ON_LINE.density()
    assert float(cells(density)["mean"]) == pytest.approx(density.mean(), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in THINGS if name != "huge network"])
def test_everything_draws_itself(name):
    ax = Figure().subplots()
    if name in NOT_DRAWN:
        with pytest.raises(ValueError, match=NOT_DRAWN[name]):
            THINGS[name].plot(ax)
        assert not ax.has_data()
    else:
        assert THINGS[name].plot(ax) is ax


def test_a_solution_has_its_data_density_samples_and_file(tmp_path):
    assert ON_LINE.objective.X[:, 0].tolist() == LINE.tolist()
    assert ON_LINE.problem.skip
    assert cs.solve(PLANE, "auto", skip=True).objective.X.shape == PLANE.shape
    np.testing.assert_array_equal(ON_LINE.sample(5, rng=3), ON_LINE.density().sample(5, rng=3))
    assert CONSERVATIVE.sample(4, rng=0).shape == (4, 2)
    assert PATH.solution(20.0).objective is PATH.objective
    ON_LINE.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(cs.load(tmp_path / "model.npz").network(LINE), ON_LINE.network(LINE))
    with pytest.raises(ValueError, match="network: expected one feature, or two with conservative=True"):
        IN_PLANE.density()


@pytest.mark.parametrize("law", [ON_LINE.density(), POOLED])
def test_laws_have_scipys_names(law):
    low, high = law.interval([0.5, 0.9])
    np.testing.assert_allclose(law.cdf(high) - law.cdf(low), [0.5, 0.9], atol=1e-9)
    np.testing.assert_array_equal(law.ppf([0.1, 0.5]), law.icdf([0.1, 0.5]))
    np.testing.assert_array_equal(law.rvs(3, rng=1), law.sample(3, rng=1))
    with pytest.raises(ValueError, match=r"confidence: expected probabilities in \[0, 1\]"):
        law.interval(1.5)
    assert tuple(map(float, law.interval(1.0))) == (-np.inf, np.inf)


def test_two_features_have_no_interval():
    with pytest.raises(ValueError, match="interval: expected a law of one feature"):
        PLANAR_POOLED.interval(0.5)


def test_spans_of_a_path_are_its_kinks():
    position, upper, lower, sign = PATH.kink_spans()
    beta = 0.5 * (PATH.betas[5] + PATH.betas[6])
    there = (upper > beta) & (lower < beta)
    network = PATH.network(beta)
    np.testing.assert_allclose(np.sort(position[there]), network.kinks, rtol=1e-12)
    assert set(sign.tolist()) == {-1, 1}
