"""Formulas as MathML, which browsers show by themselves: no script, and no server of one."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def written(node, *, as_block):
    """Return a formula as MathML; what the converter does not know becomes a warning, and stays as it is."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("formula: %s", error, location=node)
        return node.astext()


def inline(writer, node):
    """Write a formula in a line."""
    writer.body.append(written(node, as_block=False))
    raise nodes.SkipNode


def display(writer, node):
    """Write a formula on lines of its own."""
    writer.body.append(f'<div class="formula">{written(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
