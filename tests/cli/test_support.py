"""Data with limits in the shell: `--support` of `fit` and `path`, and what models keep of it."""

import json
import re
import zipfile

import numpy as np
import pytest

import convexscore as cs
from convexscore import cli
from tests.cli.helpers import NUMBERS, is_drawn, names, refused

LIMITED = cs.ScoreMatching(NUMBERS, support=(0, None))


def fitted(run, line):
    code, out, err = run(f"fit {line} --json")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.mark.parametrize(
    ("words", "support"),
    [
        (["--support", "0,"], (0, None)),
        (["--support=,4.5"], (None, 4.5)),
        (["--support", "0,none"], (0, None)),
        (["--support", "None,5"], (None, 5)),
        (["--support", "0,inf"], (0, None)),
        (["--support", " 0 , 5 "], (0, 5)),
        (["--support=-1,5"], (-1, 5)),
        (["--support", "-1,5"], (-1, 5)),
        (["--support", "-.5,1e1"], (-0.5, 10)),
        (["--support", "-inf,5"], (None, 5)),
        (["--su", "-1,"], (-1, None)),
        (["--support", ","], None),
    ],
)
def test_limits_are_read(capsys, data, words, support):
    assert cli.main(["fit", data, "--beta", "3", "--skip", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = cs.solve(cs.ScoreMatching(NUMBERS, support=support), 3.0, skip=True)
    assert found["value"] == pytest.approx(expected.value, rel=1e-12)
    assert found["support"] == (None if support is None else list(support))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--support", "0"], "--support: expected LOW,HIGH, a side empty where there is no limit"),
        (["--support", "0,1,2"], "--support: expected LOW,HIGH"),
        (["--support", ""], "--support: expected LOW,HIGH"),
        (["--support", "a,1"], "--support: expected a number, got 'a', in 'a,1'"),
        (["--support", "0,1_0"], "--support: expected a number, got '1_0'"),
        (["--support", "nan,1"], "--support: expected a finite number, got nan"),
        (["--support", "inf,9"], "--support: expected a finite number, got inf"),
        (["--support", "0,-inf"], "--support: expected a finite number, got -inf"),
        (["--support", "-1,-2"], "--support: expected a lower end below the upper one, got -1 and -2"),
        (["--support", "1,"], "X: expected values within the support from 1 to inf, got 0.5"),
        (
            ["--support", "0,", "--objective", "dsm", "--noise-level", "1"],
            "--support: expected only with --objective sm, got it with dsm",
        ),
        (
            ["--support", "0,", "--objective", "dsm", "--noise-level", "1", "--expected"],
            "--support: expected only with --objective sm, got it with dsm",
        ),
    ],
)
def test_wrong_limits_are_refused_in_one_line(capsys, data, tmp_path, words, message):
    line = ["fit", data, "--beta", "3", "-o", "m.npz", *words]
    assert refused((cli.main(line), *capsys.readouterr()), 2, message)
    assert names(tmp_path) == ["a.csv"]


def test_several_columns_are_refused(run, tmp_path):
    (tmp_path / "b.csv").write_text("u,w\n1,2\n3,5\n4,1\n2,2\n")
    line = "fit b.csv --column u --column w --beta 9 --support 0,"
    for options in ("", " --conservative"):
        assert refused(run(line + options), 2, "--support: expected only with one column, got 2")


def test_pages_know_the_support(run, data, tmp_path):
    assert run("report a.csv --support 0, --n-folds 0 -o a.html")[0] == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert re.search(r'"support":\s*\[0\.0,\s*null\]', page)
    line = "report a.csv --support 0, --objective dsm --noise-level 1 -o b.html"
    assert refused(run(line), 2, "--support: expected only with --objective sm, got it with dsm")


def test_a_command_whose_results_know_no_limits_takes_none(capsys, data):
    for command in ("plot", "sample"):
        with pytest.raises(SystemExit) as stop:
            cli.main([command, data, "-o", "x.html", "--support", "-1,1"])
        assert stop.value.code == 2
        assert "unrecognized arguments: --support" in capsys.readouterr().err


def test_other_words_with_a_sign_and_a_comma_stay_apart(capsys, data):
    with pytest.raises(SystemExit):
        cli.main(["fit", data, "--column", "-1,5"])
    assert "--column: expected one argument" in capsys.readouterr().err


def test_samples_on_an_end_are_counted_once(run, tmp_path):
    (tmp_path / "z.csv").write_text("x\n0\n0\n" + "\n".join(map(str, NUMBERS)))
    for line in ("fit z.csv --beta 3 --skip --support 0,", "path z.csv --skip --support 0,"):
        code, out, err = run(line)
        assert code == 0
        assert err.startswith("convexscore: warning: X: 2 of 8 samples are on an end of the support")
        assert err.count("\n") == 1
        assert "8 samples" in out or "breakpoints" in out


def test_a_fit_says_its_support(run, data):
    code, out, _ = run(f"fit {data} --beta 3 --skip --support 0,")
    assert code == 0
    assert "support      [0, inf]\n" in out
    assert "support" not in run(f"fit {data} --beta 3 --skip")[1]


def test_a_path_is_that_of_the_support(run, data, tmp_path):
    assert run(f"path {data} --skip --support 0, --json -o p.csv")[0] == 0
    path = cs.regularization_path(LIMITED, skip=True)
    table = np.loadtxt(tmp_path / "p.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(table[:, 0], path.betas, rtol=1e-12)


@pytest.fixture
def limited(run, data):
    assert fitted(run, f"{data} --beta 3 --skip --support 0, -o m.npz")["support"] == [0, None]
    return "m.npz"


def test_models_sample_between_their_limits(run, limited):
    density = cs.solve(LIMITED, 3.0, skip=True).density()
    assert run(f"sample {limited} -n 500 --seed 4 -o s.npy")[0] == 0
    found = np.load("s.npy")
    np.testing.assert_array_equal(np.ravel(found), density.sample(500, rng=4))
    assert run(f"sample {limited} -n 4000 --seed 4 --method langevin --steps 300 --quiet -o l.npy")[0] == 0
    chains = np.ravel(np.load("l.npy"))
    assert (chains >= 0).all()
    # Steps of finite size are a little off.
    assert np.abs(np.sort(density.cdf(chains)) - (np.arange(4000) + 0.5) / 4000).max() < 0.06


def test_flat_scores_between_limits_have_chains(run, tmp_path):
    flat = np.linspace(0.0005, 0.9995, 1000)
    np.savetxt(tmp_path / "u.csv", flat, header="u", comments="")
    fitted(run, "u.csv --beta 1000 --support 0,1 -o u.npz")
    assert run("sample u.npz -n 4000 --seed 1 --method langevin --steps 200 --quiet -o l.npy")[0] == 0
    chains = np.sort(np.ravel(np.load("l.npy")))
    assert np.abs(chains - (np.arange(4000) + 0.5) / 4000).max() < 0.04


def test_models_are_drawn_between_their_limits(run, limited, data, tmp_path, monkeypatch):
    from convexscore import plotting

    seen, draw = [], plotting.plot_fit
    monkeypatch.setattr(plotting, "plot_fit", lambda *a, **k: seen.append(k["support"]) or draw(*a, **k))
    assert run(f"plot {limited} -o f.png")[0] == run(f"plot {limited} -o g.png --data {data}")[0] == 0
    assert run(f"fit {data} --beta 3 --support 0, --plot h.png")[0] == 0
    assert seen == [(0.0, np.inf)] * 3
    assert all(is_drawn(tmp_path / name) for name in ("f.png", "g.png", "h.png"))


def test_a_file_with_limits_is_of_a_newer_format_and_tells_them(limited, run, data):
    known = cs.provenance(limited)
    assert (known["format"], known["support"]) == (3, (0.0, None))
    network = cs.solve(LIMITED, 3.0, skip=True).network
    np.testing.assert_array_equal(cs.load(limited)(NUMBERS), network(NUMBERS))
    assert run(f"fit {data} --beta 3 --skip -o w.npz")[0] == 0
    assert cs.provenance("w.npz")["format"] == 1
    assert "support" not in cs.provenance("w.npz")


@pytest.mark.parametrize("facts", [{"support": [3, 1]}, {"support": "0,1"}, {"support": [0]}, 7])
def test_damaged_limits_are_refused(run, limited, facts):
    with zipfile.ZipFile(limited) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with np.load(limited) as stored:
        header = json.loads(str(stored["header"]))
    with zipfile.ZipFile(limited, "w") as archive:
        for name, content in parts.items():
            if name != "header.npy":
                archive.writestr(name, content)
        with archive.open("header.npy", "w") as member:
            np.lib.format.write_array(member, np.array(json.dumps({**header, "facts": facts})))
    for line in (f"sample {limited} -o s.csv", f"plot {limited} -o f.png"):
        assert refused(run(line), 2, "path: expected a model file", "m.npz")
