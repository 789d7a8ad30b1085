"""What is declared is what is imported, what pages name is shipped, and hints say what can be installed."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from tests.distributions import faults

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = CONFIGURATION["project"]
EXTRAS = PROJECT["optional-dependencies"]
INCLUDED = CONFIGURATION["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
IMPORTED_AS = {
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "cosmic-ray": "cosmic_ray",
    "pytest-cov": "coverage",
}
# What pandas imports to read files, and what is run rather than imported.
ENGINES = {"pyarrow", "openpyxl"}


def name_of(requirement):
    return re.match(r"[\w-]+", requirement)[0]


def modules_of(requirements):
    """The names under which requirements are imported, those of extras of the package itself included."""
    for requirement in requirements:
        own = re.fullmatch(r"convexscore\[(.*)\]", requirement)
        if own:
            for extra in own[1].split(","):
                yield from modules_of(EXTRAS[extra])
        else:
            yield IMPORTED_AS.get(name_of(requirement), name_of(requirement))


def imports_under(folder):
    """Third-party modules that the files of a folder import, anywhere in them."""
    found = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            found.update({name.partition(".")[0]: path for name in names})
    own = {path.stem for path in (ROOT / folder).iterdir()} if folder != "convexscore" else set()
    ours = {"convexscore", "tests", "benchmarks", "paper_figs"} | own
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | ours}


def package_imports():
    if not (ROOT / "convexscore").is_dir():
        pytest.skip("the package is not beside the tests")
    return imports_under("convexscore")


def test_every_import_of_the_package_is_declared():
    users = [requirement for extra in EXTRAS if extra not in ("test", "dev") for requirement in EXTRAS[extra]]
    declared = set(modules_of([*PROJECT["dependencies"], *users]))
    assert not {name: str(path) for name, path in package_imports().items() if name not in declared}


def test_every_dependency_is_imported():
    imported = set(package_imports())
    assert set(modules_of(PROJECT["dependencies"])) <= imported
    for extra in ("plot", "progress", "sklearn", "torch", "tables", "completion"):
        assert set(modules_of(EXTRAS[extra])) - ENGINES <= imported, extra


@pytest.mark.parametrize("folder", ["tests", "examples", "benchmarks", "paper_figs"])
def test_what_the_other_folders_import_comes_with_the_extra_for_tests(folder):
    declared = set(
        modules_of(
            [
                *PROJECT["dependencies"],
                *EXTRAS["test"],
                *EXTRAS["torch"],
                *EXTRAS["mutation"],
                *EXTRAS["browser"],
            ]
        )
    )
    assert not {name: str(path) for name, path in imports_under(folder).items() if name not in declared}


def test_what_the_site_imports_comes_with_its_extra():
    declared = set(modules_of([*PROJECT["dependencies"], *EXTRAS["docs"]]))
    own = {path.stem for path in (ROOT / "docs" / "extensions").iterdir()}
    assert not {name: str(path) for name, path in imports_under("docs").items() if name not in declared | own}


def test_the_oldest_versions_are_those_declared():
    pins = dict(
        line.split("==")
        for line in (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    extras = [EXTRAS[extra] for extra in ("plot", "progress", "sklearn", "tables", "completion", "test")]
    requirements = [*PROJECT["dependencies"], *chain.from_iterable(extras)]
    floors = dict(requirement.split(">=") for requirement in requirements if "[" not in requirement)
    assert pins.keys() == floors.keys()
    for name, floor in floors.items():
        assert f"{pins[name]}.".startswith(f"{floor}."), name
        assert set(pins[name].removeprefix(floor)) <= set(".0"), name


def named_paths():
    """Paths in the pages' code spans that are ours to ship: scripts, pages, folders."""
    for page in PAGES:
        for span in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
            paths = re.findall(r"(?<![\w/.-])[\w./-]+(?:/|\.\w+)(?![\w/])", span)
            yield from ((page.name, path) for path in paths)


def test_files_that_pages_name_exist_and_are_shipped():
    kinds = (".py", ".sh", ".md", ".txt", ".toml", ".cff", "/")
    found = 0
    for page, name in named_paths():
        if not name.endswith(kinds):
            continue
        bases = [ROOT, ROOT / "convexscore", ROOT / "benchmarks", ROOT / "convexscore" / "univariate"]
        path = next((base / name for base in bases if (base / name).exists()), None)
        if path is None and not (ROOT / "convexscore").is_dir():
            continue
        assert path is not None, f"{page} names {name}"
        assert is_shipped(path.relative_to(ROOT)), f"{page} names {name}"
        found += 1
    assert found > 20


def is_shipped(path):
    return any(f"/{path}/".startswith(f"{pattern}/") for pattern in INCLUDED) or str(path) == "pyproject.toml"


def test_every_tracked_file_is_shipped():
    if not (ROOT / ".git").exists():
        pytest.skip("not in a checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in listed.splitlines() if not is_shipped(name)]


def test_every_make_target_that_is_named_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, flags=re.MULTILINE))
    named = {}
    for path in [*PAGES, ROOT / ".ci" / "run"]:
        # In code only, that is after a backtick or at the head of a line: prose makes things too.
        found = re.findall(
            r"(?:`|^|timeout \d+ )make ([a-z-]+)\b", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        named |= dict.fromkeys(found, path.name)
    assert named.keys() >= {"demo", "test", "lint", "torch", "coverage", "dist-check"}
    assert not {target: page for target, page in named.items() if target not in targets}


def test_incomplete_distributions_are_seen():
    sdist = {"PKG-INFO", "Makefile", "convexscore/__init__.py"}
    wheel = {"convexscore/__init__.py", "c.dist-info/METADATA", "c.dist-info/licenses/LICENSE"}
    tracked = sdist - {"PKG-INFO"}
    assert not list(faults(sdist, wheel, tracked))
    assert not list(faults(sdist, wheel, None))
    assert list(faults(sdist - {"Makefile"}, wheel, tracked)) == ["not in the source distribution: Makefile"]
    assert list(faults(sdist | {"notes"}, wheel, tracked)) == ["not under version control: notes"]
    assert list(faults(sdist, wheel - tracked, tracked)) == ["not in the wheel: convexscore/__init__.py"]
    assert list(faults(sdist, wheel | {"tests/a.py"}, tracked)) == ["not of the package: tests/a.py"]
    assert list(faults(sdist, tracked & wheel, None)) != []


def test_no_hint_takes_the_package_from_an_index_that_lacks_it():
    texts = [*PAGES, *(ROOT / "convexscore").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
    for path in texts:
        assert not re.search(r"install [^\n]*\bconvexscore\b(?!/)", path.read_text(encoding="utf-8")), path


def test_extras_that_the_readme_installs_exist():
    readme = PAGES[0].read_text(encoding="utf-8")
    commands = re.findall(r"^pip install (\S+)", readme, flags=re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        extras = re.fullmatch(r"\.|'\.\[([\w,]+)\]'", command)
        assert extras, command
        assert set((extras[1] or "plot").split(",")) <= set(EXTRAS), command
