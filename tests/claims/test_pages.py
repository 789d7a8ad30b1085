"""Every block of code on the pages runs as a reader pastes it: alone, and in an empty directory."""

import ast
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from convexscore.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


PYTHON = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page, "python"), 1)
]
SHELL = [pytest.param(page, id=page.stem) for page in PAGES if blocks(page, "sh")]


def commands(page):
    lines = "".join(blocks(page, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_readme_has_code():
    assert len(blocks(PAGES[0], "python")) >= 5
    assert sum(command.startswith("convexscore ") for command in commands(PAGES[0])) >= 8


@pytest.mark.parametrize("block", PYTHON)
def test_a_block_of_python_runs_alone(block, tmp_path, monkeypatch, capsys):
    if "import distributed" in block or "from distributed" in block:
        pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    exec(compile(block, "block", "exec"), {"__name__": "__main__"})
    assert "nan" not in capsys.readouterr().out


@pytest.mark.parametrize("page", SHELL)
def test_a_pages_commands_run_in_an_empty_directory(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    for command in commands(page):
        words = shlex.split(command, comments=True)
        if words[:2] == ["convexscore", "figures"]:
            # All are drawn in `tests/figures`: here one of them, quickly.
            words += [] if "--quick" in words else ["--quick", "--only", "3"]
        if words[0] == "convexscore":
            assert main(words[1:]) == 0, command
        else:
            assert is_for_a_checkout(words), command


def is_for_a_checkout(words):
    """Whether a command is one of a checkout or its environment, all whose files are there."""
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[:2] == ["python", "-m"] and words[2].startswith("paper_figs"):
        return (ROOT / words[2].replace(".", "/")).with_suffix(".py").exists()
    paths = [word for word in words if word.startswith(("tests/", "benchmarks/", "examples/"))]
    known = words[0] in ("make", "tests/kernels.sh", "tests/pythons.sh", "tests/distributions.sh")
    known = known or words[:2] == ["pip", "install"]
    known = known or (words[0] == "python" and words[1].startswith("benchmarks/"))
    known = known or words[:3] == ["python", "-m", "pytest"]
    return known and all((ROOT / path).exists() for path in paths)


def pasted_code():
    """Yield what readers paste: blocks of the pages, and examples of docstrings."""
    for page in PAGES:
        yield from ((page.name, block) for block in blocks(page, "python"))
    for path in (ROOT / "convexscore").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                lines = (ast.get_docstring(node) or "").splitlines()
                yield path.name, "\n".join(line[4:] for line in lines if line.startswith((">>> ", "... ")))


def test_no_stream_of_random_numbers_is_used_twice():
    # Data and noise from generators of one seed are the same numbers.
    for name, code in pasted_code():
        seeds = Counter(re.findall(r"default_rng\((.*?)\)", code))
        assert all(count == 1 for count in seeds.values()), (name, code)
