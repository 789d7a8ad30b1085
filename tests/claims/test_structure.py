"""The house: one direction of flow, wings that do not touch, few files in the hall, none too long."""

import ast
import importlib
import inspect
import pkgutil
from itertools import chain
from pathlib import Path

import pytest

import convexscore

ROOT = Path(convexscore.__file__).parent
# Bottom to top: a room imports from itself and from the layers below, never from its neighbours.
LAYERS = [
    ("errors",),
    ("_support",),
    ("numerics", "activations", "arrangements", "results", "datasets"),
    ("objectives",),
    ("networks", "problem"),
    ("units",),
    ("univariate", "multivariate", "samplers", "baselines", "targets", "diagnostics"),
    ("families", "theory"),
    ("bounds", "selection", "certification"),
    ("solve",),
    ("scores",),
    ("pooling",),
    ("estimators",),
    ("saving",),
    ("plotting",),
    ("report",),
    ("cli",),
    ("__init__", "__main__"),
]
MODULES = ["convexscore", *(info.name for info in pkgutil.walk_packages([str(ROOT)], "convexscore."))]


def path_of(module):
    return Path(importlib.util.find_spec(module).origin)


def imports_of(module, *, typing=True):
    """The modules of the package that a module imports, inside functions and for type checkers included."""
    path = path_of(module)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or (not typing and id(node) in typing_only):
            continue
        base = package.split(".")[: len(package.split(".")) - node.level + 1]
        prefix = ".".join([*base, node.module] if node.module else base)
        for alias in node.names:
            inner = f"{prefix}.{alias.name}"
            yield inner if inner in MODULES else prefix


def layer_of(module):
    room = [*module.split("."), "__init__"][1]
    return next(i for i, rooms in enumerate(LAYERS) if room in rooms), room


def test_every_file_has_a_place():
    rooms = {[*module.split("."), "__init__"][1] for module in MODULES} | {"__main__"}
    assert rooms == set(chain.from_iterable(LAYERS))


@pytest.mark.parametrize("module", MODULES)
def test_no_room_imports_a_higher_one_or_its_neighbour(module):
    layer, room = layer_of(module)
    for target in imports_of(module, typing=False):
        if target == "convexscore":
            continue
        other, other_room = layer_of(target)
        assert other < layer or other_room == room, f"{module} imports {target}"


def test_no_two_files_import_each_other():
    arrows = {(module, target) for module in MODULES for target in imports_of(module)}
    # A package re-exports what is in it: that its files name their package is no circle of theirs.
    both = {pair for pair in arrows if pair[::-1] in arrows and pair[0] != pair[1]}
    assert not both


def test_the_hall_is_small_and_no_file_is_long():
    assert len([path for path in ROOT.iterdir() if path.is_file()]) <= 25
    for path in ROOT.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, path


def test_no_module_is_shadowed_by_a_function_of_its_name():
    # Doors: whoever says `convexscore.report` means the function.
    allowed = {"convexscore.solve", "convexscore.report"}
    for module in MODULES[1:]:
        parent, _, name = module.rpartition(".")
        found = getattr(importlib.import_module(parent), name, None)
        assert found is None or inspect.ismodule(found) or module in allowed, module


def test_results_are_data_and_shorthands():
    shorthands = {"density", "sample", "save"}
    for _, thing in inspect.getmembers(importlib.import_module("convexscore.results"), inspect.isclass):
        if thing.__module__ == "convexscore.results":
            methods = [name for name, member in vars(thing).items() if inspect.isfunction(member)]
            assert {name for name in methods if not name.startswith("__")} <= {"meets"} | shorthands, thing


def test_only_one_file_looks_up_what_is_above_it():
    # Imports by name are not seen above: a table lists them all, and no other room has any.
    allowed = {"convexscore", "convexscore._support.old_paths", "convexscore._support.shorthands"}
    # Of another package.
    allowed |= {"convexscore.cli.figures"}
    for module in MODULES:
        calls = ("import_module(", "__import__(")
        if any(call in path_of(module).read_text(encoding="utf-8") for call in calls):
            assert module in allowed, module


@pytest.mark.parametrize("name", importlib.import_module("convexscore._support.shorthands").SHORTHANDS)
def test_shorthands_stand_for_functions(name):
    module, function = importlib.import_module("convexscore._support.shorthands").SHORTHANDS[name]
    assert callable(getattr(importlib.import_module(f"convexscore.{module}"), function))


@pytest.mark.parametrize("old", importlib.import_module("convexscore._support.old_paths").MOVED)
def test_old_module_paths_go_on_working(old):
    new = importlib.import_module("convexscore._support.old_paths").MOVED[old]
    assert importlib.import_module(f"convexscore.{old}") is importlib.import_module(f"convexscore.{new}")


def test_public_submodules_are_attributes():
    for name in ("plotting", "grid", "samplers", "targets", "theory", "diagnostics", "datasets", "baselines"):
        assert inspect.ismodule(getattr(convexscore, name))
    assert callable(convexscore.samplers.langevin)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = convexscore.nonsense
