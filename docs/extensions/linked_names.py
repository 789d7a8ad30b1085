"""Names of the package in code type, on any page, become links to what the reference says of them.

So the pages stay plain Markdown, and docstrings plain text: ``solve``, ``cs.solve(x, 20)`` and
``samplers.langevin`` are links, ``docs/quality.md`` and ``examples/plot_joint.py`` lead to their pages, and a
parameter, or a name that nothing has, stays code.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"(?:cs\.|convexscore\.)?([A-Za-z]\w*(?:\.\w+)*)(?:\(.*\))?", re.DOTALL)
FILE = re.compile(r"(?:docs/(?P<page>\w+)\.md|examples/(?P<example>plot_\w+)\.py)")


def page_of_file(text, pages):
    """Return the page, and no anchor on it, that is made of a file; None where there is none."""
    file = FILE.fullmatch(text)
    page = file and (file["page"] or f"gallery/{file['example']}")
    return (page, "") if page in pages else None


def place_of_name(text, objects, scopes):
    """Return page and anchor of a name or a call, looked for in some scopes; None where there is none."""
    name = NAME.fullmatch(text)
    # A field of a class is described on the page of the class.
    for dotted in (name[1], name[1].rpartition(".")[0]) if name else ():
        for scope in scopes:
            if f"{scope}.{dotted}" in objects:
                found = objects[f"{scope}.{dotted}"]
                return found.docname, found.node_id
    return None


class LinkedNames(SphinxPostTransform):
    """Put a link around code that is a documented name, a call of one, or a file with a page."""

    default_priority = 900

    def run(self, **kwargs):
        """Go over the page's spans of code."""
        objects = self.env.domains.python_domain.objects
        page = self.env.docname.removeprefix("api/")
        # On the page of a class its own methods and attributes need no name before them.
        scopes = [page, "convexscore"] if page in objects else ["convexscore"]
        here = ((self.env.docname, ""), (self.env.docname, page))
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference) or "xref" in literal["classes"]:
                continue
            text = literal.astext()
            target = page_of_file(text, self.env.found_docs) or place_of_name(text, objects, scopes)
            if target and target not in here:
                code = literal.deepcopy()
                literal.replace_self(make_refnode(self.app.builder, self.env.docname, *target, code))


def setup(app):
    """Register the transform."""
    app.add_post_transform(LinkedNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
