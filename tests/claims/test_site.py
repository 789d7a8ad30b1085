"""The site: every page in one place, every public name on a page, links of docstrings to names there are."""

import importlib.util
import inspect
import re
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from numpydoc.docscrape import FunctionDoc

import convexscore as cs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MODULES = ("samplers", "targets", "baselines", "diagnostics", "theory", "datasets", "plotting")


def module_of(path):
    """Return a module of a file in the folder of the pages."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def listed_pages():
    """Yield every page that a table of contents lists, as often as one does."""
    for page in DOCS.glob("*.md"):
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M):
            for line in block.splitlines():
                if line and not line.startswith(":"):
                    yield re.sub(r".*<(.+)>$", r"\1", line)


def test_every_page_is_in_one_table_of_contents():
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    listed = Counter(listed_pages())
    assert listed == Counter([*pages, "gallery/index"])


def reference():
    """Return the names that the page of the reference lists."""
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    return [name for block in re.findall(r"autosummary::(.*?)```", text, re.S) for name in names_in(block)]


def names_in(block):
    return re.findall(r"^   (\w+)$", block, re.M)


def test_the_reference_lists_every_public_name_once():
    estimator = {"ConvexScoreEstimator"}
    assert Counter(reference()) == Counter({*cs.__all__, "plotting"} | estimator)


def test_the_modules_of_the_reference_say_what_is_public_in_them():
    assert {name for name in reference() if inspect.ismodule(getattr(cs, name, None))} == set(MODULES)
    assert all(getattr(cs, name).__all__ for name in MODULES)


def public_objects():
    """Yield name, object and the module beside which the names in its docstring are looked up."""
    for name in [*cs.__all__, "plotting"]:
        thing = getattr(cs, name)
        if inspect.ismodule(thing):
            yield from ((f"{name}.{inner}", getattr(thing, inner), thing) for inner in thing.__all__)
        else:
            yield name, thing, cs


PUBLIC = {name: (thing, scope) for name, thing, scope in public_objects()}


def is_there(name, scope):
    """Whether a dotted name is found in a module, or from the package on."""
    for start, path in ((scope, name), (cs, name.removeprefix("convexscore."))):
        found = start
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return True
    return False


def named_beside(thing):
    return [name for entry in FunctionDoc(thing)["See Also"] for name, _ in entry[0]]


@pytest.mark.parametrize("name", PUBLIC)
def test_names_to_see_also_are_there(name):
    thing, scope = PUBLIC[name]
    assert all(is_there(other, scope) for other in named_beside(thing)), named_beside(thing)


@pytest.mark.parametrize("name", [n for n in PUBLIC if "." not in n or n.startswith("samplers.")])
def test_main_names_say_what_to_see_also(name):
    assert named_beside(PUBLIC[name][0])


def test_names_that_are_not_there_are_seen():
    assert not is_there("solv", cs)
    assert not is_there("samplers.langevn", cs)
    assert not is_there("langevin", cs)
    assert is_there("langevin", cs.samplers)
    assert is_there("convexscore.Path.kink_spans", cs.plotting)


def test_every_example_has_a_title_and_is_run_or_has_a_stored_picture(tmp_path):
    staged = module_of(DOCS / "extensions" / "staged_examples.py")
    staged.stage(ROOT / "examples", tmp_path / "staged")
    stored = {path.stem for path in (DOCS / staged.PICTURES).iterdir()}
    assert stored == {stem.removeprefix("plot_") for stem in staged.STORED}
    for path in (ROOT / "examples").glob("plot_*.py"):
        title, line = path.read_text(encoding="utf-8").splitlines()[1:3]
        assert line == "=" * len(title), path.name
        source = (tmp_path / "staged" / path.name).read_text(encoding="utf-8")
        compile(source, path.name, "exec")
        assert (path.stem in staged.STORED) == ("sphinx_gallery_thumbnail_path" in source)
        assert (path.stem in staged.STORED) == (re.search(staged.PATTERN, str(path)) is None)


def test_the_configuration_has_the_packages_version(monkeypatch):
    for package in ("sphinx", "sphinx_gallery", "myst_parser", "pydata_sphinx_theme"):
        pytest.importorskip(package)
    monkeypatch.setattr(sys, "path", list(sys.path))
    configuration = module_of(DOCS / "conf.py")
    assert configuration.release == configuration.version == cs.__version__
    assert configuration.nitpicky
    for extension in configuration.extensions:
        assert importlib.util.find_spec(extension), extension


def test_the_citation_is_that_of_the_file_for_machines():
    page = (DOCS / "citing.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"{{{cs.__version__}}}" in page
    for field in ("title", "family-names", "given-names", "value"):
        for value in re.findall(rf"{field}: (.+)", citation):
            assert value.strip('"').removeprefix("arXiv:") in page, value


def test_dead_links_are_seen(tmp_path):
    pytest.importorskip("sphinx")
    links = module_of(DOCS / "extensions" / "checked_links.py")
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html#there"></a><a href="#here"></a></p>')
    (tmp_path / "b.html").write_text('<p id="there"><a href="https://example.org/none"></a></p>')
    assert not list(links.dead_links(tmp_path))
    (tmp_path / "b.html").write_text('<p id="elsewhere"><img src="none.png"></p>')
    found = {(str(page), link) for page, link in links.dead_links(tmp_path)}
    assert found == {("a.html", "b.html#there"), ("b.html", "none.png")}


def test_code_that_is_a_name_or_a_file_finds_its_page():
    pytest.importorskip("sphinx")
    links = module_of(DOCS / "extensions" / "linked_names.py")
    names = ("solve", "samplers.langevin", "Path", "Path.kink_spans")
    objects = {
        f"convexscore.{name}": SimpleNamespace(docname=f"api/{name}", node_id=f"convexscore.{name}")
        for name in names
    }

    def found(text, scope="convexscore"):
        place = links.place_of_name(text, objects, [scope, "convexscore"])
        return place and place[0]

    assert found("solve") == found("cs.solve") == found('cs.solve(x, "auto", skip=True)') == "api/solve"
    assert found("samplers.langevin") == found("convexscore.samplers.langevin") == "api/samplers.langevin"
    assert found("Path.betas") == "api/Path"
    assert found("kink_spans") is None
    assert found("kink_spans", "convexscore.Path") == "api/Path.kink_spans"
    assert found("beta") is found("x + solve") is found("solve=1") is None

    pages = {"quality", "gallery/plot_joint"}
    assert links.page_of_file("docs/quality.md", pages) == ("quality", "")
    assert links.page_of_file("examples/plot_joint.py", pages) == ("gallery/plot_joint", "")
    assert links.page_of_file("docs/none.md", pages) is links.page_of_file("quality", pages) is None


def test_formulas_are_written_or_named(caplog):
    pytest.importorskip("sphinx")
    nodes = pytest.importorskip("docutils.nodes")
    mathml = module_of(DOCS / "extensions" / "mathml.py")
    assert mathml.written(nodes.math(text=r"\beta"), as_block=False).count("<math") == 1
    assert mathml.written(nodes.math(text=r"\nonsense"), as_block=False) == r"\nonsense"
    assert "nonsense" in caplog.text
