"""Figures: labels, legends, ranges, and pixels that are not blank."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy.integrate import trapezoid

import convexscore as cs
from convexscore.plotting import plot_density, plot_fit, plot_score

mpl.use("Agg")

GAUSSIAN = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [2.0], [[-1.0]])
NO_DENSITY = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])


@pytest.fixture(scope="module")
def eruptions():
    return cs.datasets.load_old_faithful()["eruptions"]


@pytest.fixture(scope="module")
def fitted(eruptions):
    return cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True).network


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def pair():
    return tuple(Figure(layout="constrained").subplots(2, 1, sharex=True))


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


class TestScore:
    def test_the_axes_given_are_the_axes_returned(self, fitted, ax):
        assert plot_score(fitted, ax=ax) is ax

    def test_labels_and_legend_say_what_is_drawn(self, fitted, eruptions, ax):
        plot_score(fitted, eruptions, label="minutes", ax=ax)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("minutes", "score")
        assert legend(ax) == ["score", f"{fitted.kinks.size} kinks", "data"]

    def test_one_kink_is_singular(self, ax):
        plot_score(NO_DENSITY, [-1.0, 1.0], ax=ax)
        assert "1 kink" in legend(ax)

    def test_no_kinks_are_no_legend_entry(self, ax):
        plot_score(GAUSSIAN, ax=ax)
        assert legend(ax) == ["score"]

    def test_the_line_is_the_network(self, fitted, eruptions, ax):
        plot_score(fitted, eruptions, ax=ax)
        (line,) = [line for line in ax.lines if line.get_label() == "score"]
        np.testing.assert_array_equal(line.get_ydata(), fitted(line.get_xdata()))
        assert np.isin(fitted.kinks, line.get_xdata()).all()

    def test_the_range_holds_all_data_with_a_margin(self, fitted, eruptions, ax):
        plot_score(fitted, eruptions, ax=ax)
        low, high = ax.get_xlim()
        assert low < eruptions.min() < eruptions.max() < high

    def test_without_data_the_range_holds_almost_all_mass(self, fitted, ax):
        plot_score(fitted, ax=ax)
        low, high = ax.get_xlim()
        density = cs.ScoreDensity(fitted)
        assert density.cdf(high) - density.cdf(low) == pytest.approx(0.999, abs=1e-6)

    @pytest.mark.parametrize("x", [[1.0, 2.0], [[1.0], [2.0]]])
    def test_data_may_be_flat_or_one_column(self, x, ax):
        plot_score(GAUSSIAN, x, ax=ax)
        assert ax.get_xlim() == pytest.approx((0.88, 2.12))

    def test_data_all_equal_still_give_a_range(self, ax):
        plot_score(GAUSSIAN, [2.0, 2.0], ax=ax)
        assert ax.get_xlim() == (1.0, 3.0)

    def test_the_current_axes_are_the_default(self):
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots()
        try:
            assert plot_score(GAUSSIAN) is ax
        finally:
            plt.close(figure)

    def test_many_points_draw_too(self, ax):
        plot_score(GAUSSIAN, np.linspace(0, 4, 5000), ax=ax)
        ax.figure.canvas.draw()
        assert any(len(line.get_xdata()) == 5000 and line.get_rasterized() for line in ax.lines)

    @pytest.mark.parametrize("data", [[np.nan, 1.0], [], ["a", "b"]])
    def test_bad_data_are_refused(self, data, ax):
        with pytest.raises((ValueError, TypeError), match="data"):
            plot_score(GAUSSIAN, data, ax=ax)

    def test_three_features_are_refused(self, ax):
        with pytest.raises(ValueError, match="network: expected 1 or 2 features, got 3"):
            plot_score(cs.TwoLayerNetwork(np.eye(3), [0, 0, 0], np.eye(3), [0, 0, 0]), ax=ax)


class TestDensity:
    def test_labels_and_legend_say_what_is_drawn(self, fitted, eruptions, ax):
        plot_density(cs.ScoreDensity(fitted), eruptions, label="minutes", ax=ax)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("minutes", "density")
        assert sorted(legend(ax)) == ["data (n = 272)", "exact density of the score"]

    def test_the_histogram_has_mass_one(self, fitted, eruptions, ax):
        plot_density(cs.ScoreDensity(fitted), eruptions, ax=ax)
        assert sum(bar.get_width() * bar.get_height() for bar in ax.patches) == pytest.approx(1.0)

    def test_the_curve_is_the_density_and_shows_its_peaks(self, fitted, ax):
        density = cs.ScoreDensity(fitted)
        plot_density(density, ax=ax)
        x, y = ax.lines[0].get_data()
        np.testing.assert_array_equal(y, density.pdf(x))
        assert trapezoid(y, x) == pytest.approx(0.999, abs=1e-3)

    def test_everything_drawn_fits_below_the_top(self, fitted, eruptions, ax):
        plot_density(cs.ScoreDensity(fitted), eruptions, ax=ax)
        low, high = ax.get_ylim()
        assert low == 0.0
        assert high > max(ax.lines[0].get_ydata().max(), *(bar.get_height() for bar in ax.patches))

    @pytest.mark.parametrize(
        "x",
        [
            [2.0, 2.0, 2.0],
            [0.0, 1.0],
            np.repeat([0.0, 1.0], 200),
        ],
        ids=["one", "two", "two, often"],
    )
    def test_few_distinct_values_still_draw(self, x, ax):
        plot_density(cs.ScoreDensity(GAUSSIAN), x, ax=ax)
        assert np.isfinite(ax.get_ylim()).all()

    def test_a_far_outlier_still_draws(self, ax):
        plot_density(cs.ScoreDensity(GAUSSIAN), np.append(np.linspace(0, 1, 1000), 1e15), ax=ax)
        assert 0 < len(ax.patches) <= 80


class TestFit:
    def test_density_is_above_score_and_they_share_the_range(self, fitted, eruptions, pair):
        upper, lower = plot_fit(fitted, eruptions, label="minutes", title="a title", axes=pair)
        assert (upper, lower) == pair
        assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("density", "score", "minutes")
        assert upper.get_title() == "a title"
        assert upper.get_xlim() == lower.get_xlim()

    @pytest.mark.parametrize("with_data", [True, False])
    def test_the_picture_is_not_blank(self, fitted, eruptions, pair, tmp_path, with_data):
        plot_fit(fitted, eruptions if with_data else None, axes=pair)
        pair[0].figure.savefig(tmp_path / "fit.png")
        pixels = imread(tmp_path / "fit.png")
        for half in np.array_split(pixels, 2):
            assert half[..., :3].std() > 0.02

    @pytest.mark.parametrize("data", [None, [-1.0, 0.5, 2.0]])
    def test_a_score_without_density_says_which_tail_fails(self, pair, data):
        upper, lower = plot_fit(NO_DENSITY, data, axes=pair)
        assert [text.get_text() for text in upper.texts] == ["no density: its left tail has no finite mass"]
        assert lower.lines

    def test_a_score_without_kinks_or_density_still_draws(self, pair):
        zero = cs.TwoLayerNetwork(np.zeros((0, 1)), [], np.zeros((1, 0)), [0.0])
        assert plot_fit(zero, axes=pair)[1].get_xlim() == (-1.0, 1.0)

    def test_without_axes_a_new_figure_is_made(self, fitted):
        import matplotlib.pyplot as plt

        ax = plot_fit(fitted)
        try:
            assert ax.figure.axes == [ax]
            assert [panel.get_ylabel() for panel in ax.child_axes] == ["density", "score"]
        finally:
            plt.close(ax.figure)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda ax: plot_score(None, ax=ax),
            "network: expected a score, such as a network.*, got None",
        ),
        (
            lambda ax: plot_density(GAUSSIAN, ax=ax),
            "density: expected a density, such as a Sco.*, got",
        ),
        (lambda ax: plot_score(GAUSSIAN, ax="a"), "ax: expected matplotlib Axes or None, got 'a'"),
        (lambda ax: plot_fit(GAUSSIAN, axes=ax), "axes: expected a pair of matplotlib Axes, got"),
        (lambda ax: plot_score(GAUSSIAN, label=1, ax=ax), "label: expected a string, got 1"),
        (lambda ax: plot_fit(GAUSSIAN, title=1), "title: expected a string, got 1"),
        (lambda ax: plot_score(GAUSSIAN, np.ones((3, 2)), ax=ax), "data: expected 1 feature, got 2"),
        (lambda ax: plot_score(GAUSSIAN, [0.0, 1e200], ax=ax), r"data: expected numbers up to 1e\+150"),
    ],
)
def test_what_cannot_be_drawn_is_named(ax, call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(ax)
    assert not ax.has_data()
