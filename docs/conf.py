"""How Sphinx builds the pages of this folder: `make docs`."""

import contextlib
import io
import sys
from pathlib import Path

from stzsar import __version__

sys.path.insert(0, str(Path(__file__).parent))
import structure

project = "stzsar"
author = "the authors of stzsar"
version = release = __version__
html_title = f"stzsar {__version__}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # Types of NumPy and the standard library: their own pages are not read over the network here.
    ("py:.*", r"(?!stzsar).*"),
]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autoclass_content = "class"

html_theme = "furo"
html_static_path: list[str] = []


def setup(_app: object) -> None:
    """Generate the page of all files before Sphinx reads the folder."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        structure.print_files(Path(__file__).parent.parent)
    Path(__file__).with_name("files.md").write_text(page.getvalue(), encoding="utf-8")
