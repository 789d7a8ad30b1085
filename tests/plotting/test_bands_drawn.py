"""Bands are drawn where they are, told apart by line style, and refused where there are none."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import convexscore as cs
from convexscore.plotting import plot_density, plot_score

from .pictures import BANDS, CONSERVATIVE, IN_PLANE, LINE, ON_LINE


def drawn(ax, words):
    """Both edges of a band: the line with these words in its label, and the next."""
    (place,) = [i for i, line in enumerate(ax.lines) if words in line.get_label()]
    lower, upper = ax.lines[place : place + 2]
    assert lower.get_linestyle() == upper.get_linestyle()
    return lower, upper


@pytest.mark.parametrize(("plot", "name"), [(plot_density, "pdf"), (plot_score, "score")])
def test_both_bands_are_drawn(plot, name):
    ax = plot(ON_LINE, LINE, band=BANDS, ax=Figure().subplots())
    band = getattr(BANDS, name)
    styles = set()
    for words, ends in (
        ("90 % pointwise", (band.lower, band.upper)),
        ("90 % at once", (band.simultaneous_lower, band.simultaneous_upper)),
    ):
        for line, end in zip(drawn(ax, words), ends, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), BANDS.points)
            np.testing.assert_array_equal(line.get_ydata(), end)
            styles.add(line.get_linestyle())
    assert len(styles) == 2
    # The shade is that of the simultaneous band.
    (shade,) = ax.collections
    heights = shade.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(band.simultaneous_upper.max())
    assert heights.min() == pytest.approx(band.simultaneous_lower.min())
    low, high = ax.get_ylim()
    assert low <= band.lower.min()
    assert high >= min(band.upper.max(), 3 * band.estimate.max())


@pytest.mark.parametrize("support", [(0.0, None), (0.0, 1.0), (None, 1.0)])
@pytest.mark.parametrize("plot", [plot_density, plot_score])
def test_pictures_of_data_with_limits_end_there(plot, support):
    x = np.random.default_rng(0).uniform(0.01, 0.99, size=60)
    solution = cs.solve(cs.ScoreMatching(x, support=support), "auto", skip=True, tails="integrable")
    bands = solution.density().interval_bands(0.9, 20, rng=0, points=np.linspace(-0.5, 1.5, 41))
    ax = plot(solution, x, band=bands, ax=Figure().subplots())
    low, high = (np.inf if end is None else abs(end) for end in support)
    low = -low
    inside = bands.points[(bands.points >= low) & (bands.points <= high)]
    for words in ("90 % pointwise", "90 % at once"):
        for line in drawn(ax, words):
            np.testing.assert_array_equal(line.get_xdata(), inside)
    (shade,) = ax.collections
    places = shade.get_paths()[0].vertices[:, 0]
    assert (places.min(), places.max()) == (inside[0], inside[-1])
    name = "score" if plot is plot_score else "density of the score"
    (line,) = [line for line in ax.lines if name in line.get_label()]
    # Beyond a limit a density is drawn as zero.
    ends, window = line.get_xdata()[line.get_ydata() != 0][[0, -1]], ax.get_xlim()
    assert ends.tolist() == [max(low, window[0]), min(high, window[1])]


def test_a_level_makes_the_same_bands_every_time():
    ends = [
        drawn(plot_density(ON_LINE, band=0.5, ax=Figure().subplots()), "50 % pointwise")[0].get_ydata()
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*ends)
    np.testing.assert_array_equal(ends[0], ON_LINE.density().interval_bands(0.5, rng=0).pdf.lower)


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (
            lambda: plot_density(cs.ScoreDensity(ON_LINE.network), band=0.9),
            ValueError,
            "density: expected one",
        ),
        (lambda: plot_density(CONSERVATIVE, band=0.9), ValueError, "band: expected None but for one feature"),
        (lambda: plot_density(CONSERVATIVE, band=BANDS), ValueError, "band: expected None for"),
        (lambda: plot_score(IN_PLANE, band=BANDS), ValueError, "band: expected None for two features"),
        (lambda: plot_score(ON_LINE.network, LINE, band=0.9), ValueError, "band: expected None but for one"),
        (lambda: plot_density(ON_LINE, band=1.5), ValueError, "band: expected a number between 0 and 1"),
        (lambda: plot_density(ON_LINE, band=True), TypeError, "band: expected a number"),
    ],
)
def test_what_has_no_bands_is_refused(draw, error, words):
    with pytest.raises(error, match=words):
        draw()
