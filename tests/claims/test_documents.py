"""What is written holds: docstrings match signatures, examples run, the import stays light."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from numpydoc.docscrape import FunctionDoc

import convexscore as cs

ROOT = Path(__file__).parents[2]


def public_objects():
    for name in cs.__all__:
        thing = getattr(cs, name)
        if inspect.ismodule(thing):
            yield from ((f"{name}.{inner}", getattr(thing, inner)) for inner in thing.__all__)
        else:
            yield name, thing
    plotting = importlib.import_module("convexscore.plotting")
    yield from ((f"plotting.{name}", getattr(plotting, name)) for name in plotting.__all__)


PUBLIC = dict(public_objects())


@pytest.mark.parametrize("name", PUBLIC)
def test_docstrings_name_every_parameter_in_order(name):
    thing = PUBLIC[name]
    documented = [p.name for p in FunctionDoc(thing)["Parameters"]]
    documented = [part.strip(" *") for entry in documented for part in entry.split(",")]
    if inspect.isclass(thing) and issubclass(thing, Exception):
        assert not documented
        return
    actual = [p for p in inspect.signature(thing).parameters if not p.startswith("_")]
    assert documented == actual


@pytest.mark.parametrize("name", [n for n, thing in PUBLIC.items() if inspect.isfunction(thing)])
def test_public_functions_say_what_they_return(name):
    documentation = FunctionDoc(PUBLIC[name])
    assert documentation["Returns"] or documentation["Yields"]


def test_every_public_method_has_a_docstring():
    for name, thing in PUBLIC.items():
        for method, member in vars(thing).items() if inspect.isclass(thing) else ():
            if not method.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{name}.{method}"


@pytest.mark.parametrize("script", sorted(p.name for p in (ROOT / "examples").glob("plot_*.py")))
def test_examples_run(script, tmp_path):
    command = [sys.executable, str(ROOT / "examples" / script)]
    environment = {"MPLBACKEND": "Agg", "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any(p.suffix == ".png" for p in tmp_path.iterdir())


def test_importing_the_package_leaves_heavy_libraries_alone():
    heavy = ["cvxpy", "matplotlib", "torch", "osqp", "clarabel", "sklearn", "pandas"]
    code = f"import sys, convexscore; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_versions_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {cs.__version__}\n" in citation
    assert f"## {cs.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
