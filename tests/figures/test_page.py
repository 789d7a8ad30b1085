"""The page of the figures says what the runs beside its pictures found, and nothing more."""

import json
import re

import pytest

from paper_figs import page
from paper_figs.common import NUMBERS, module_of

from .quotes import NUMBER, is_quoted, numbers_in

TEXT = page.PAGES[0].read_text(encoding="utf-8")
NAMES = [module_of(number) for number in NUMBERS]


def prose(name):
    """Return what a reader wrote of a figure: between its picture and its table."""
    picture = re.search(rf"!\[[^]]*\]\(figures/{name}\.png\)(.*?)<!-- numbers of {name} -->", TEXT, re.DOTALL)
    assert picture is not None, name
    # The names of what is shown are no measurements.
    return re.sub(r"`[^`]*`|(?:Theorem|[Ss]ection|seed|[Ff]igures?) [\d.]+\d|seed 0", "", picture[1])


def test_the_tables_are_those_of_the_full_runs():
    assert page.with_numbers(TEXT) == TEXT


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_the_numbers_of_a_full_run(name):
    results = page.results_of(name)
    assert results["parameters"]["quick"] is False
    assert "columns" not in results["parameters"].get("data", "")
    assert (page.DOCS / f"{name}.png").is_file()
    for sentence, holds in results["claims"].items():
        assert f"| {sentence.replace('|', chr(92) + '|')} | {'yes' if holds else '**no**'} |" in TEXT


@pytest.mark.parametrize("name", NAMES)
def test_sentences_quote_the_runs(name):
    numbers = list(numbers_in(page.results_of(name)))
    wrong = [word for word in NUMBER.findall(prose(name)) if not is_quoted(word, numbers)]
    assert not wrong


def verdict(name, start):
    (found,) = [
        holds for sentence, holds in page.results_of(name)["claims"].items() if sentence.startswith(start)
    ]
    return found


def test_the_summary_is_that_of_the_runs():
    # "What holds everywhere", and "what does not": the sentences at the head of the page.
    for name in NAMES:
        for sentence, holds in page.results_of(name)["claims"].items():
            assert holds or not sentence.startswith("no trial of Adam")
    heavy = {
        name: [
            verdict(name, f"sampling depends heavily on the rate from {low}")
            for low in ("1e-06", "0.001", "0.1")
        ]
        for name in ("fig05", "fig11", "fig12", "fig13")
    }
    assert heavy == {
        "fig05": [True, False, False],
        "fig11": [True, False, False],
        "fig12": [True, False, True],
        "fig13": [True, False, True],
    }
    for name in heavy:
        means = page.results_of(name)["mean_capped_wasserstein"]
        errors = page.results_of(name)["standard_errors"]["mean_capped_wasserstein"]
        for rate in ("0.001", "0.01", "0.1"):
            assert abs(means[rate] - means["convex"]) <= 2 * errors["convex"]
    at = "breakpoints at the extreme points"
    assert verdict("fig06", f"abs, clusters at -10 and 10: {at}")
    assert not verdict("fig06", f"ReLU, clusters at -10 and 10: {at}")
    assert (
        page.results_of("fig06")["ReLU, clusters at -10 and 10"][
            "share_of_seeds_with_a_kink_at_every_extreme"
        ]
        == 0
    )
    assert not verdict("fig06", f"abs, clusters at -4 and 4: {at}")
    assert not verdict("fig08", "samples are consistent with the convex score at weight decay 499")
    for name in NAMES:
        for sentence, holds in page.results_of(name)["claims"].items():
            mixed = (name, sentence) == (
                "fig08",
                "samples are consistent with the convex score at weight decay 499",
            )
            assert holds != mixed or not sentence.startswith("samples are consistent")
    for name in ("fig03", "fig04"):
        assert not verdict(name, "ours: samples follow the truth at weight decay 499")
    assert page.results_of("fig12")["share_of_chains_escaped_by_seed"][0]["1.0"] == 1


def test_a_wrong_number_would_be_seen():
    results = page.results_of("fig05")
    numbers = list(numbers_in(results))
    mean = results["mean_capped_wasserstein"]["convex"]
    assert is_quoted(f"{mean:.3f}", numbers)
    assert not is_quoted(f"{mean + 0.0371:.5f}", numbers)
    changed = json.loads(json.dumps(results))
    changed["claims"][next(iter(changed["claims"]))] = False
    assert page.table(changed) != page.table(results)


def test_the_page_names_only_pictures_that_are_there():
    for path in re.findall(r"\]\((figures/[^)]*)\)", TEXT):
        assert (page.PAGES[0].parent / path).is_file()
