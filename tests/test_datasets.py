"""The bundled data are what they claim to be."""

import numpy as np
import pytest

from convexscore import datasets

LOADERS = [datasets.load_old_faithful, datasets.load_galaxies]


@pytest.mark.parametrize(
    ("load", "shape", "columns"),
    [
        (datasets.load_old_faithful, (272, 2), ("eruptions", "waiting")),
        (datasets.load_galaxies, (82, 1), ("velocity_km_s",)),
    ],
)
def test_shape_and_columns_are_as_documented(load, shape, columns):
    table = load()
    assert table.data.shape == shape
    assert table.columns == columns
    assert np.isfinite(table.data).all()
    assert (table.data > 0).all()


@pytest.mark.parametrize("load", LOADERS)
def test_every_column_is_found_by_name(load):
    table = load()
    for number, name in enumerate(table.columns):
        np.testing.assert_array_equal(table[name], table.data[:, number])


@pytest.mark.parametrize("load", LOADERS)
def test_an_unknown_column_lists_the_known_ones(load):
    with pytest.raises(KeyError, match=f"expected one of {load().columns[0]}.*got 'none'"):
        load()["none"]


@pytest.mark.parametrize("load", LOADERS)
def test_provenance_names_a_publication(load):
    assert any(year in load().provenance for year in ("(1990)", "(1991)"))


@pytest.mark.parametrize("load", LOADERS)
def test_data_cannot_be_written_to(load):
    first = load()
    with pytest.raises(ValueError, match="read-only"):
        first.data[:] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        first[first.columns[0]].sort()
    assert load().data.min() > 0


def test_old_faithful_has_its_published_summary():
    # summary(faithful) in R.
    table = datasets.load_old_faithful()
    eruptions, waiting = table["eruptions"], table["waiting"]
    assert np.unique(eruptions).size == 126
    assert (eruptions.min(), np.median(eruptions), eruptions.max()) == (1.6, 4.0, 5.1)
    assert eruptions.mean() == pytest.approx(3.487783, abs=5e-7)
    assert (waiting.min(), np.median(waiting), waiting.max()) == (43, 76, 96)
    assert waiting.mean() == pytest.approx(70.89706, abs=5e-6)


def test_galaxies_have_their_published_summary():
    velocity = datasets.load_galaxies()["velocity_km_s"]
    assert (velocity.min(), velocity.max()) == (9172, 34279)
    assert velocity.mean() == pytest.approx(20830, abs=5)


def test_galaxies_say_that_one_velocity_is_a_typing_error():
    galaxies = datasets.load_galaxies()
    assert 26690.0 in galaxies["velocity_km_s"]
    assert "26690, is a typing error for 26960" in galaxies.provenance
