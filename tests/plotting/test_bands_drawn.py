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
