"""The figures test what the source claims, and their verdicts can go either way."""

import json

import numpy as np
import pytest

import convexscore as cs
from paper_figs import adam_comparison, denoising_comparison, kinks
from paper_figs.common import plain
from paper_figs.laws import Gaussians, distance

RATES = denoising_comparison.RATES


@pytest.fixture(scope="module", params=[("relu", False)], ids=["fig05"])
def denoised(request):
    """Draw a denoising figure quickly."""
    return denoising_comparison.draw(*request.param, quick=True)


def test_denoising_goes_over_the_rates_of_the_claim(denoised):
    figure, numbers = denoised
    parameters = plain(numbers)["parameters"]
    assert parameters["learning_rates"] == [1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0]
    assert "1e-06" in json.dumps(parameters)
    assert np.ptp(np.diff(parameters["noise_levels"])) < 1e-12
    titles = [ax.get_title() for ax in figure.axes]
    assert sum(title.startswith("Loss") for title in titles) == 1
    histograms = titles[2:]
    assert histograms[0].startswith("Convex")
    assert [title.split(":")[0] for title in histograms[1:]] == [f"Adam, rate {rate:g}" for rate in RATES]


def test_denoising_says_of_each_range_whether_the_rate_matters(denoised):
    _, numbers = denoised
    ranges = [sentence for sentence in numbers["claims"] if sentence.startswith("sampling depends heavily")]
    assert len(ranges) == 3
    # Untrained networks and trained ones are far apart, whatever the seed.
    assert numbers["claims"][ranges[0]]
    means = numbers["mean_capped_wasserstein"]
    for rate in RATES:
        assert any(f"{rate:g}: {means[rate]:.3g}" in numbers["evidence"][sentence] for sentence in ranges)
    assert numbers["standard_errors"]["mean_capped_wasserstein"].keys() == means.keys()


def verdicts(means, escaped=0.0):
    """Return what is said of these mean distances, convex scores at 0.1."""
    names = [denoising_comparison.CONVEX, denoising_comparison.EXPECTED, *RATES]
    distances = dict(zip(names, [0.1, 0.1, *means], strict=True))
    run = {"least_gaps": [0.0], "escaped": dict.fromkeys(RATES, escaped)}
    setting = denoising_comparison.Setting("relu", False, Gaussians(), True)
    errors = dict.fromkeys(names, 0.01)
    claims = denoising_comparison._claims(setting, {"never_below_by_1e-8": True}, [run], distances, errors)
    return [holds for sentence, (holds, _) in claims.items() if sentence.startswith("sampling")], claims


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([8, 2, 0.15, 0.15, 0.15, 0.15], [True, False, False]),
        ([0.15, 0.15, 0.15, 0.15, 0.31, 0.1], [False, True, True]),
        ([0.1, 0.19, 0.1, 0.1, 0.1, 8], [False, False, True]),
    ],
)
def test_heavy_is_more_than_twice(means, expected):
    assert verdicts(means)[0] == expected


def test_claims_of_samples_can_fail():
    good = verdicts([0.1] * 6)[1]
    bad = verdicts([0.08] * 6, escaped=0.01)[1]
    sentence = "ours: no rate of Adam samples better than the convex scores by a tenth of the distance"
    assert good[sentence][0]
    assert not bad[sentence][0]
    assert not good["Adam's sampling may be unstable"][0]
    assert bad["Adam's sampling may be unstable"][0]


def test_a_chain_that_escapes_counts_as_at_the_end():
    setting = denoising_comparison.Setting("relu", False, Gaussians(), True)
    sample = Gaussians().icdf((np.arange(1000) + 0.5) / 1000)
    far = np.append(sample[:-1], 1e30)
    assert distance(far, Gaussians()) > 1e26
    assert denoising_comparison._capped(far, setting) == pytest.approx((8 - sample[-1]) / 1000)
    assert denoising_comparison._escaped(far, setting) == 0.001
    assert denoising_comparison._capped(None, setting) == 8
    assert denoising_comparison._escaped(None, setting) == 1


def test_kinks_at_the_extreme_points_of_each_cluster():
    _, numbers = kinks.draw(quick=True)
    x = kinks.FAR.sample(kinks.N, np.random.default_rng(kinks.SEED))
    expected = [x[x < 0].min(), x[x < 0].max(), x[x > 0].min(), x[x > 0].max()]
    np.testing.assert_array_equal(numbers["extremes"]["abs, clusters at -10 and 10"], expected)
    score = cs.solve(cs.ScoreMatching(x), 0.3 * x.size, "abs").network
    at = [bool(np.isclose(score.kinks, end, rtol=0, atol=1e-9).any()) for end in expected]
    assert at == numbers["abs, clusters at -10 and 10"]["extremes_that_are_kinks"] == [True] * 4
    holds = {
        name: numbers["claims"][f"{name}: breakpoints at the extreme points of each cluster"]
        for name in list(kinks.CASES)[1:]
    }
    assert list(holds.values()) == [True, False, False]
    # ReLU bends inside: never at the outer extremes.
    outer = numbers["ReLU, clusters at -10 and 10"]["extremes_that_are_kinks"]
    assert not outer[0]
    assert not outer[3]


@pytest.mark.parametrize(("skip", "activation"), [(True, "relu"), (True, "abs"), (False, "relu")])
def test_the_upper_row_is_at_the_threshold_minus_one(skip, activation):
    setting = adam_comparison.Setting(Gaussians(), "standard Gaussian", activation, skip, 0.6)
    _, numbers = adam_comparison.draw(setting, quick=True)
    upper = numbers["threshold_minus_one"]
    assert upper["beta"] == numbers["beta_bounds"]["maximum"] - 1
    slope = upper["mean_slope_over_gaussian_slope"]
    assert slope == pytest.approx(1 if skip else 1 / 500, rel=0.05)
    assert (upper["distance_from_closed_form"] is None) == skip
    # Samples are held against the density that was learned, not against the law of the data.
    sentences = [sentence for sentence in numbers["claims"] if "samples" in sentence]
    assert len(sentences) == 2
    assert all("consistent with the convex score" in sentence for sentence in sentences)


def test_chains_that_have_not_mixed_fail_the_claim():
    setting = adam_comparison.Setting(Gaussians(), "standard Gaussian", "abs", share=0.3)
    _, numbers = adam_comparison.draw(setting, quick=True)
    assert not numbers["claims"]["samples are consistent with the convex score at weight decay 499"]
    assert numbers["claims"]["samples are consistent with the convex score at weight decay 150"]
    assert (
        "have not mixed"
        in numbers["evidence"]["samples are consistent with the convex score at weight decay 499"]
    )
