"""Lines of the shell that readers copy: those of the README run in order, those of the help are parsed."""

import re
import shlex
from pathlib import Path

import pytest

from convexscore import cli
from convexscore.cli.data import BUNDLED
from convexscore.cli.parser import make_parser
from tests.cli.helpers import is_drawn, names

README = Path(__file__).parents[2] / "README.md"
COMMANDS = ("fit", "sample", "plot", "path", "report", "data", "demo", "figures", "completion")


def lines_of(text):
    """Return the arguments of the lines that call ``convexscore``, one list a call."""
    joined = text.replace("\\\n", " ")
    words = [shlex.split(line, comments=True) for line in joined.splitlines()]
    return [line[1:] for line in words if line[:1] == ["convexscore"]]


def help_of(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_the_lines_of_the_readme_run_in_order_from_an_empty_directory(capsys, tmp_path):
    section = (
        README.read_text(encoding="utf-8")
        .partition("## Ten-minute tour")[2]
        .partition("\n## What is solved")[0]
    )
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = lines_of("".join(blocks))
    assert lines[0] == ["data", "old_faithful", "-o", "data.csv"]
    assert {line[0] for line in lines} == {"data", "fit", "sample", "path", "plot", "report"}
    written = set()
    for line in lines:
        assert cli.main(line) == 0, (line, capsys.readouterr().err)
        options = make_parser().parse_args(line)
        written |= {getattr(options, name, None) for name in ("output", "plot")} - {None}
    assert names(tmp_path) == sorted(written)
    assert all(is_drawn(path) for path in tmp_path.glob("*.png"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_are_lines_of_that_command(capsys, command):
    shown = help_of([command], capsys).partition("examples:\n")[2]
    lines = lines_of(re.sub(r"\| convexscore .*|[<>] \S+", "", shown))
    assert lines
    for line in lines:
        assert line[0] == command
        assert callable(make_parser().parse_args(line).command)


def test_the_help_names_the_bundled_data(capsys):
    assert all(name in help_of([], capsys) for name in BUNDLED)
    shown = help_of(["data"], capsys)
    for name, load in BUNDLED.items():
        (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name}  ")]
        assert f"{len(load().data)} rows of {', '.join(load().columns)}" in line


def test_the_example_of_a_pipe_runs(capsys, monkeypatch):
    assert cli.main(["data", "galaxies", "-o", "galaxies.csv"]) == 0
    with open("galaxies.csv", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert cli.main(["fit", "-", "--skip"]) == 0
    assert "velocity_km_s" in capsys.readouterr().out
