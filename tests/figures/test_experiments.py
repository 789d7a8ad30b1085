"""Every experiment is legible, and the page says no more of it than the JSON file of its full run."""

import json
import re

import numpy as np
import pytest

from paper_figs import page
from paper_figs.common import DOCS, EXPERIMENTS, plain

from .drawings import drawn_quickly
from .legibility import CHECKS
from .quotes import NUMBER, is_quoted, numbers_in

PAGE = page.PAGES[1].read_text(encoding="utf-8")


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_legible(name, check):
    check(drawn_quickly(name)[0])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_numbers_say_what_is_claimed_and_how_sure_it_is(name):
    numbers = drawn_quickly(name)[1]
    assert numbers["claim"] == "; ".join(numbers["claims"])
    assert numbers["bears_out"] == all(numbers["claims"].values())
    assert numbers["standard_errors"]
    assert numbers["parameters"]["quick"] is True
    json.dumps(plain(numbers), allow_nan=False)


def section(name):
    """Return the text of an experiment, but for what is no measurement."""
    found = re.search(rf"\(figures/{name}\.png\)(.*?)<!-- numbers of {name} -->", PAGE, re.DOTALL)
    assert found is not None, name
    return re.sub(r"`[^`]*`|arXiv [\d.]+|arxiv.org/abs/[\d.]+|10\^-?\d", "", found[1])


def derived(name, results):
    """Return what sentences make of numbers: errors over errors, neurons over their law of scale."""
    if name == "spin_dimension":
        equal, random = (np.array(results[key]["means"]) for key in ("curie_weiss", "spin_glass"))
        by_order = [means[-1, :-1] / means[-1, 1:] for means in (equal, random)]
        return np.concatenate([*by_order, equal[-2] / equal[-1]])
    if name == "few_neurons":
        return np.array([entry["mean"] / entry["scale"] for entry in results["counts"]["score matching"]])
    return np.zeros(0)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_sentences_quote_the_full_runs(name):
    results = json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))
    assert results["parameters"]["quick"] is False
    numbers = np.array(list(numbers_in(results)))
    # Shares are given in percent, too, and excess as a share of one.
    numbers = [*numbers, *(100 * numbers), *(100 * (numbers - 1)), *derived(name, results)]
    text = section(name)
    words = {word for word in NUMBER.findall(text) if not float(word).is_integer() or abs(float(word)) > 20}
    assert words
    unknown = [word for word in words if not is_quoted(word, numbers)]
    assert not sorted(unknown)


def test_the_tables_are_those_of_the_full_runs():
    assert page.with_numbers(PAGE) == PAGE
    assert re.findall(r"<!-- numbers of (\w+) -->", PAGE) == list(EXPERIMENTS)
