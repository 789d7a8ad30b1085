"""Every figure: axes in and out, nothing cut off, nothing told apart by colour alone, the right points."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import convexscore as cs
from convexscore import plotting

from .pictures import CONSERVATIVE, IN_PLANE, LINE, ON_LINE, PICTURES, PLANE, TRAINED, curve

TITLES = {
    "long": "A title that goes on and on, " * 40,
    "one word": "W" * 700,
    "no formula": "price in $, net of $ 3 and of {that} \\frac",
    "lines": "first line\nsecond line",
}


@pytest.fixture
def no_figures():
    plt.close("all")
    yield
    plt.close("all")


def sticks_out(ax):
    """What is drawn beyond the edges of the figure, in pixels."""
    figure = ax.figure
    figure.draw_without_rendering()
    box = ax.get_tightbbox()
    width, height = figure.bbox.size
    return max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)


@pytest.mark.parametrize("picture", PICTURES)
def test_axes_given_are_axes_returned(picture):
    ax = Figure().subplots()
    assert PICTURES[picture](ax=ax) is ax
    panels = ax.child_axes or [ax]
    assert all(panel.has_data() for panel in panels)


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize(
    ("picture", "title"), [*((name, "long") for name in PICTURES), *(("score", title) for title in TITLES)]
)
def test_nothing_is_cut_off(picture, layout, title):
    figure = Figure(layout=layout)
    ax = PICTURES[picture](ax=figure.subplots(), title=TITLES[title])
    # A pixel of antialiasing.
    assert sticks_out(ax) <= 1.0
    assert ax.get_title().split()[0][:5] == TITLES[title][:5].split()[0]


@pytest.mark.parametrize("picture", ["certificate", "fit", "field"])
def test_nothing_is_cut_off_in_a_new_figure(picture, no_figures):
    ax = PICTURES[picture](title=TITLES["long"])
    assert ax.figure.number in plt.get_fignums()
    assert sticks_out(ax) <= 1.0


def test_long_labels_are_wrapped_too():
    for layout in (None, "constrained"):
        figure = Figure(layout=layout)
        ax = plotting.plot_score(ON_LINE, label="a column of a very long name " * 9, ax=figure.subplots())
        assert sticks_out(ax) <= 1.0


def test_the_current_axes_are_the_default(no_figures):
    for name in ("score", "certificate", "path"):
        _, ax = plt.subplots()
        assert PICTURES[name]() is ax


@pytest.mark.parametrize("picture", PICTURES)
def test_lines_differ_without_colours(picture):
    ax = PICTURES[picture](ax=Figure().subplots())
    for panel in ax.child_axes or [ax]:
        named = [line for line in panel.lines if not line.get_label().startswith("_")]
        looks = [
            (str(line.get_linestyle()), line._dash_pattern, line.get_marker(), line.get_linewidth())
            for line in named
        ]
        for (i, one), (j, other) in combinations(enumerate(looks), 2):
            gray = [np.dot(to_rgb(named[k].get_color()), [0.3, 0.59, 0.11]) for k in (i, j)]
            assert one != other or abs(gray[0] - gray[1]) > 0.25, (picture, named[i], named[j])


def test_kinds_of_kinks_differ_without_colours():
    ax = PICTURES["path"](ax=Figure().subplots())
    falls, rises = ax.collections
    assert falls.get_linestyle() != rises.get_linestyle()


def test_the_field_points_where_the_score_does():
    ax = plotting.plot_field(
        lambda x: x @ [[-1.0, 0.0], [0.0, 0.0]], [[-1.0, -1.0], [1.0, 1.0]], ax=Figure().subplots()
    )
    (arrows,) = [thing for thing in ax.collections if hasattr(thing, "UVC") or hasattr(thing, "U")]
    assert (np.sign(arrows.U) == -np.sign(np.round(arrows.X, 9))).all()
    np.testing.assert_array_equal(arrows.V, 0.0)


def test_kink_lines_are_where_the_network_bends():
    ax = plotting.plot_field(IN_PLANE, ax=Figure().subplots())
    points = np.column_stack(curve(ax, "kink line"))
    ends = points[~np.isnan(points[:, 0])]
    heights = ends @ IN_PLANE.network.W1.T + IN_PLANE.network.b1
    off = np.abs(heights).min(axis=1) / np.linalg.norm(IN_PLANE.network.W1, axis=1).max()
    assert len(ends) >= 2
    assert off.max() < 1e-6


def test_kink_lines_of_data_far_from_zero_are_beside_the_data():
    solution = cs.solve(PLANE + 1e4, 10.0)
    here, there = (
        curve(plotting.plot_field(s, ax=Figure().subplots()), "kink") for s in (IN_PLANE, solution)
    )
    assert np.nanmax(np.abs(here[0] + 1e4 - there[0])) < 1e-2
    assert solution.network.origin.all()


def test_losses_above_the_optimum_are_what_they_are():
    ax = plotting.plot_training(TRAINED, ON_LINE, ax=Figure().subplots())
    _, excess = curve(ax, "best trial")
    np.testing.assert_allclose(excess, TRAINED.losses[TRAINED.best_trial] - ON_LINE.certificate.lower_bound)
    assert ax.get_yscale() == "log"


def test_a_display_keeps_what_it_drew():
    display = plotting.ScoreDisplay.from_estimator(
        CONSERVATIVE, PLANE, grid_resolution=7, ax=Figure().subplots()
    )
    np.testing.assert_array_equal(display.scores, CONSERVATIVE.network(display.points))
    assert display.points.shape == (49, 2)
    assert display.figure_ is display.ax_.figure

    class Estimator:
        def score_function(self, X):
            return -2 * X

    line = plotting.ScoreDisplay.from_estimator(Estimator(), LINE, ax=display.figure_.subplots())
    np.testing.assert_array_equal(line.scores, -2 * line.points)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.plot_score(lambda x: -x), "data: expected data for a score that does not say"),
        (lambda: plotting.plot_field(ON_LINE), "score: expected 2 features, got 1"),
        (lambda: plotting.plot_field(lambda x: x[:, 0], PLANE), "score: expected scores of the shape"),
        (lambda: plotting.plot_field(lambda x: x / 0 * np.inf, PLANE), "score: expected finite numbers"),
        (lambda: plotting.plot_density(IN_PLANE), "network: expected one feature, or two with conservative"),
        (lambda: plotting.plot_samples(np.ones((4, 3))), "samples: expected 1 or 2 features, got 3"),
        (lambda: plotting.plot_samples(LINE, PLANE), "data: expected 1 feature, got 2"),
        (lambda: plotting.plot_training(ON_LINE), "result: expected an AdamResult, got <Solution"),
        (
            lambda: plotting.plot_fit(IN_PLANE, axes=Figure().subplots(2)),
            "axes: expected None for a score of 2",
        ),
        (lambda: plotting.ScoreDisplay(LINE, LINE[1:]), "scores: expected the shape of points"),
    ],
)
def test_what_cannot_be_drawn_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message), np.errstate(all="ignore"):
        call()
