"""Names of the package in code type, on any page, become links to what the reference says of them.

So the pages stay plain Markdown, and docstrings plain text: ``solve``, ``cs.solve(x, 20)`` and
``samplers.langevin`` are links, and a parameter, or a name that nothing has, stays code.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"(?:cs\.|convexscore\.)?([A-Za-z]\w*(?:\.\w+)*)(?:\(.*\))?", re.DOTALL)


class LinkedNames(SphinxPostTransform):
    """Put a link around code that is a documented name, or a call of one."""

    default_priority = 900

    def run(self, **kwargs):
        """Go over the page's spans of code."""
        objects = self.env.domains.python_domain.objects
        # On the page of a class its own methods and attributes need no name before them.
        scopes = ["convexscore"]
        page = self.env.docname.removeprefix("api/")
        if page in objects:
            scopes.insert(0, page)
        for literal in list(self.document.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference) or "xref" in literal["classes"]:
                continue
            name = NAME.fullmatch(literal.astext())
            # A field of a class is described on the page of the class.
            names = (name[1], name[1].rpartition(".")[0]) if name else ()
            found = next((full for n in names for s in scopes if (full := f"{s}.{n}") in objects), None)
            if not found or found == page:
                continue
            page_of, anchor = objects[found].docname, objects[found].node_id
            code = literal.deepcopy()
            literal.replace_self(make_refnode(self.app.builder, self.env.docname, page_of, anchor, code))


def setup(app):
    """Register the transform."""
    app.add_post_transform(LinkedNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
