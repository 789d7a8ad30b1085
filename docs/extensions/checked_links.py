"""Every link inside the site, anchors and pictures included, leads somewhere: all written pages are read."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)


class Page(HTMLParser):
    """The anchors of a page, and where its links and pictures lead."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what a tag names and where it leads."""
        attributes = dict(attrs)
        self.anchors |= {attributes[key] for key in ("id", "name") if attributes.get(key)}
        self.links |= {attributes[key] for key in ("href", "src") if attributes.get(key)}


def dead_links(folder):
    """Yield page and link for all links of the pages in a folder that lead nowhere inside it."""
    paths = [path.resolve() for path in Path(folder).rglob("*.html") if "_static" not in path.parts]
    pages = {path: Page(path) for path in paths}
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                yield path.relative_to(Path(folder).resolve()), link


def check(app, exception):
    """Warn of dead links after a build of pages, so that it fails where warnings are errors."""
    if exception is None and app.builder.name == "html":
        for page, link in dead_links(app.outdir):
            logger.warning("%s: expected a link to a page, an anchor or a picture, got %s", page, link)


def setup(app):
    """Look the links up when all is written."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
