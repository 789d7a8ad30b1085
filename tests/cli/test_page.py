"""The command ``report``: a page, and what is said of it."""

import numpy as np
import pytest

import convexscore as cs
from tests.cli.helpers import names, refused
from tests.report.pages import numbers_of


def test_a_page_of_one_column_is_written_and_said_in_words(run, tmp_path):
    run("data old_faithful -o data.csv")
    code, out, err = run("report data.csv --column eruptions --skip --beta-min 10 --n-folds 0 -o r.html")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "data         272 samples of eruptions",
        "page         the exact path, with a slider over the weight decay; open it in any browser",
        "wrote        r.html",
    ]
    numbers = numbers_of(tmp_path / "r.html")
    assert numbers["columns"] == ["eruptions"]
    assert numbers["skip"]
    assert numbers["range"][0] == 10.0
    assert names(tmp_path) == ["data.csv", "r.html"]


def test_the_usual_options_say_what_is_read_and_trained(run, tmp_path):
    (tmp_path / "b.csv").write_text("a;b\n1,5;2\n2,5;\n4,5;3\n5;1\n7;2,5\n")
    line = "report b.csv --column a --decimal , --activation abs --objective dsm --noise-level 0.5 --seed 1"
    code, out, err = run(f"{line} --n-folds 0 --title Title -o r.htm")
    assert (code, err) == (0, "")
    numbers = numbers_of(tmp_path / "r.htm")
    assert (numbers["objective"], numbers["activation"], numbers["samples"]) == ("dsm", "abs", 5)
    assert numbers["columns"] == ["a + noise (sd 0.5)"]
    assert "<title>Title</title>" in (tmp_path / "r.htm").read_text(encoding="utf-8")
    code, out, _ = run("report b.csv --column b --decimal , --drop-missing --skip --n-folds 0 -o r.html")
    assert code == 0
    assert "4 samples of b, 1 rows without a number left out" in out


def test_a_page_of_two_columns(run, tmp_path):
    points = np.random.default_rng(0).normal(size=(20, 2))
    np.savetxt(tmp_path / "p.csv", points, delimiter=",", header="u,v", comments="")
    code, out, _ = run("report p.csv --column u --column v --skip --beta 9 --beta 4 --n-folds 0 -o r.html")
    assert code == 0
    assert "certified conservative networks" in out
    numbers = numbers_of(tmp_path / "r.html")
    assert [fit["beta"] for fit in numbers["fits"]] == [9.0, 4.0]
    assert numbers["columns"] == ["u", "v"]


def test_an_uncertified_fit_has_its_exit_code(run, tmp_path, monkeypatch):
    points = np.random.default_rng(0).normal(size=(12, 2))
    np.savetxt(tmp_path / "p.csv", points, delimiter=",", header="u,v", comments="")
    monkeypatch.setattr(cs.Certificate, "meets", lambda *_: False)
    code, out, err = run("report p.csv --column u --column v --skip --beta 9 --n-folds 0 -o r.html")
    assert code == 3
    assert "misses" in err
    assert "wrote" in out


def test_a_seed_is_that_of_the_noise_and_folds_are_the_same(run, tmp_path, data):
    for name in ("r.html", "s.html"):
        assert run(f"report {data} -o {name} --skip --n-folds 3")[0] == 0
    assert (tmp_path / "r.html").read_bytes() == (tmp_path / "s.html").read_bytes()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("-o r.txt", ["--output", ".html"]),
        ("-o a.csv", ["--output", "another file"]),
        ("-o -", ["--output", "standard output"]),
        ("-o none/r.html", ["--output", "existing directory"]),
        ("-o r.html --beta 3", ["--beta", "two columns"]),
        ("-o r.html --beta-min 0.5", ["beta_min", "at least 1"]),
        ("-o r.html --n-folds 1", ["n_folds", "at least 2"]),
        ("-o r.html --noise-level 1", ["--noise-level", "dsm"]),
    ],
)
def test_what_has_no_effect_or_is_wrong_is_refused(run, tmp_path, data, options, parts):
    before = (tmp_path / data).read_bytes()
    assert refused(run(f"report {data} {options}"), 2, *parts)
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / data).read_bytes() == before


def test_columns_that_have_no_picture_are_refused(run, tmp_path):
    (tmp_path / "c.csv").write_text("a,b,c\n1,2,3\n2,1,4\n3,3,1\n")
    three = "--column a --column b --column c"
    assert refused(run(f"report c.csv {three} -o r.html"), 2, "--column", "one column or two", "got 3")
    two = "--column a --column b --beta-min 2"
    assert refused(run(f"report c.csv {two} -o r.html"), 2, "--beta-min", "one column")
