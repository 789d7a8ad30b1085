"""The page of two features in a browser."""

import numpy as np
import pytest

import convexscore as cs

POINTS = np.random.default_rng(2).normal(size=(30, 2)) @ [[1.0, 0.4], [0.0, 1.0]]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("pages") / "page.html"
    return cs.report(POINTS, path, betas=[20.0, 8.0, 4.0], skip=True, columns=["a", "<b>b"], n_folds=2)


def test_every_fit_is_shown(page, written):
    page.open(written)
    found = []
    for place in range(3):
        page.slide(place)
        shown = page.numbers()
        solution = cs.solve(POINTS, shown["beta"], skip=True, conservative=True)
        assert shown["value"] == pytest.approx(solution.value, rel=1e-9)
        assert float(page.table()["Logarithm of the density's normalizer"]) == pytest.approx(
            solution.density().log_normalizer, abs=1e-5
        )
        assert page.odd_words() == []
        found.append(shown["beta"])
    assert found == [4.0, 8.0, 20.0]
    assert page.complaints() == []


def test_keys_move_the_slider(page, written):
    from selenium.webdriver import Keys

    page.open(written)
    page.press("slider", Keys.HOME)
    assert page.numbers()["beta"] == 4.0
    page.press("slider", Keys.ARROW_RIGHT)
    assert page.numbers()["beta"] == 8.0
    page.click("copy")
    assert page.says("copied") == "Copied."


def test_shades_follow_the_density(page, written):
    page.open(written)
    page.slide(0)
    alpha = page.run(
        "const shades = document.getElementById('shades'); const side = shades.width;"
        "const image = shades.getContext('2d').getImageData(0, 0, side, side).data;"
        "return [...Array(side * side).keys()].map(cell => image[4 * cell + 3]);"
    )
    found = np.reshape(alpha, (110, 110)) / 215
    (left, right), (low, high) = page.data()["window"]
    share = (np.arange(110) + 0.5) / 110
    x, y = np.meshgrid(left + (right - left) * share, high - (high - low) * share)
    potential = cs.solve(POINTS, 4.0, skip=True, conservative=True).network.potential(
        np.column_stack([x.ravel(), y.ravel()])
    )
    expected = np.sqrt(np.exp(potential - potential.max())).reshape(110, 110)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("width", [320, 375, 1200])
def test_nothing_is_wider_than_the_window(page, written, width):
    with page.of_width(width):
        page.open(written)
        assert page.too_wide() == []
        assert page.unnamed_pictures() == []
    assert page.complaints() == []


def test_scores_without_density_are_said_to_have_none(page, tmp_path):
    page.open(cs.report(POINTS, tmp_path / "page.html", betas=[60.0], n_folds=0))
    assert "The score has no density" in page.says("density-note")
    assert page.odd_words() == []
    assert page.complaints() == []
