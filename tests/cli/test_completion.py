"""Shells complete commands, options, choices and files by the script that `completion` prints."""

import shutil
import subprocess
import sys

import pytest

from convexscore.cli.completion import SHELLS

pytest.importorskip("shtab")

# What a shell does when the tab key is pressed at the end of a line.
ASK = {
    "bash": """
        source ./script
        COMP_WORDS=({line}); COMP_CWORD=$(({n} - 1)); COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
        complete_with=$(complete -p convexscore | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$complete_with" convexscore "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """,
    "fish": "source ./script; complete --do-complete '{line}'",
}


def completions(run, shell, *words):
    """What a shell proposes for the last of some words."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    code, out, err = run(f"completion {shell}")
    assert (code, err) == (0, "")
    with open("script", "w", encoding="utf-8") as file:
        file.write(out)
    line = " ".join(["convexscore", *(word or '""' for word in words)])
    asked = ASK[shell].format(line=line, n=len(words) + 1)
    done = subprocess.run([shell, "-c", asked], capture_output=True, text=True, check=True)
    return {proposed.split("\t")[0].rstrip("/ ") for proposed in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (("fi",), {"fit", "figures"}),
        (("pat",), {"path"}),
        (("data", "old"), {"old_faithful"}),
        (("data", "gal"), {"galaxies"}),
        (("fit", "a.csv", "--objective", "d"), {"dsm"}),
        (("fit", "a.csv", "--activation", "a"), {"abs"}),
        (("fit", "a.csv", "--solver", "cl"), {"clarabel", "closed_form"}),
        (("fit", "a.csv", "--cons"), {"--conservative"}),
        (("path", "a.csv", "--su"), {"--support"}),
        (("sample", "m.npz", "--method", "l"), {"langevin"}),
        (("completion", "ba"), {"bash"}),
    ],
)
def test_a_shell_completes_commands_options_and_choices(run, shell, words, proposed):
    assert completions(run, shell, *words) == proposed


@pytest.mark.parametrize("words", [("fit", "eru"), ("sample", "eru"), ("fit", "a.csv", "--output", "eru")])
def test_a_shell_completes_files(run, tmp_path, words):
    (tmp_path / "eruptions.csv").touch()
    (tmp_path / "eruptions").mkdir()
    assert completions(run, "bash", *words) == {"eruptions.csv", "eruptions"}


@pytest.mark.parametrize("words", [("demo", "--output", "eru"), ("figures", "--out", "eru")])
def test_a_shell_completes_directories(run, tmp_path, words):
    (tmp_path / "eruptions.csv").touch()
    (tmp_path / "eruptions").mkdir()
    assert completions(run, "bash", *words) == {"eruptions"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_scripts_are_ones_that_the_shell_reads(run, shell):
    code, out, _ = run(f"completion {shell}")
    assert code == 0
    assert "convexscore" in out
    if shell != "tcsh" and shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=out, text=True, check=True)


def test_every_shell_has_a_script(run):
    for shell in SHELLS:
        code, out, err = run(f"completion {shell}")
        assert (code, err) == (0, "")
        assert all(name in out for name in ("fit", "old_faithful", "--objective"))


def test_where_the_library_is_missing_the_command_that_installs_it_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, out, err = run("completion bash")
    assert (code, out) == (2, "")
    assert err == "convexscore: completion needs shtab; install it with: pip install shtab\n"
