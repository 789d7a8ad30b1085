"""Formulas as MathML, which browsers show by themselves: no script, and no server of one."""

import html

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def inline(writer, node):
    """Write a formula in a line."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display(writer, node):
    """Write a formula on lines of its own."""
    name = html.escape(node["ids"][0], quote=True) if node["ids"] else ""
    writer.body.append(f'<div class="formula"{f" id={name!r}" if name else ""}>')
    writer.body.append(tex2mathml(node.astext(), as_block=True))
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
