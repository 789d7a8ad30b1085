"""How Sphinx builds the site: `make docs`."""

import sys
from pathlib import Path

import convexscore

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "extensions"))

import staged_examples

project = "convexscore"
author = "The convexscore authors"
copyright = "The convexscore authors, BSD-3-Clause"
release = version = convexscore.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "linked_names",
    "mathml",
    "checked_links",
]
root_doc = "index"
exclude_patterns = ["extensions", "templates", "gallery/*.py", "gallery/*.ipynb"]
templates_path = ["templates"]
# Single backticks are parameters as often as functions: `linked_names` links what it knows.
default_role = "literal"
nitpicky = True
smartquotes = False
# The types of signatures are in the docstrings, with shapes.
autodoc_typehints = "none"
autosummary_ignore_module_all = False
numpydoc_show_class_members = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

EXAMPLES = ROOT / "build" / "examples"
sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    "filename_pattern": staged_examples.PATTERN,
    "backreferences_dir": "api/examples",
    "doc_module": ("convexscore",),
    "image_srcset": [],
    "min_reported_time": 1e6,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "plot_gallery": "True",
}

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "convexscore"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
WIDE = ("quality", "pooling_quality", "planar_quality", "certified_training", "sources")
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    # Pages of wide tables have the room to themselves.
    "secondary_sidebar_items": {"**": ["page-toc"]} | {page: [] for page in WIDE},
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "back_to_top_button": False,
}

linkcheck_timeout = 20


def setup(app):
    """Copy the examples before the gallery looks for them."""
    staged_examples.stage(ROOT / "examples", EXAMPLES)
