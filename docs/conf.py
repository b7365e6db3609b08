"""How Sphinx makes a site of these pages: `make docs`. index.md lists the pages in the order in which they are read."""

import re
from pathlib import Path

from sphinx.application import Sphinx

PROJECT = Path(__file__).resolve().parent.parent
ADDRESS = "https://github.com/copier-talos-flux/copier-talos-flux"

project = "copier-talos-flux"
extensions = ["myst_parser"]
# GitHub makes an anchor of every heading; so does MyST, down to this level.
myst_heading_anchors = 6

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_theme_options = {"source_repository": ADDRESS, "source_branch": "main", "source_directory": "docs/"}
html_copy_source = False
html_use_index = False
html_show_copyright = False
# Straight quotes, dashes and -- stay as they are written: most of them belong to commands.
smartquotes = False


def by_address(app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to folders, and to files outside docs/, lead to where the project is published."""
    page = Path(app.env.doc2path(docname))

    def published(link: re.Match[str]) -> str:
        target = (page.parent / link[1]).resolve()
        if not target.exists() or (target.is_file() and target.is_relative_to(app.srcdir)):
            return link[0]  # MyST warns of the one, and follows the other
        return f"]({ADDRESS}/{'tree' if target.is_dir() else 'blob'}/main/{target.relative_to(PROJECT)}"

    source[0] = re.sub(r"\]\((\.\./[^)#\s]+)", published, source[0])


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", by_address)
