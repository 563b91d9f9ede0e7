"""The command-line options of the live page."""

from pathlib import Path
from typing import Any

import click
import cloup

from ...page.options import DEFAULT_LISTEN

_PATH = click.Path(path_type=Path)

# Who may come in, and by https: of every page.
DOOR: tuple[Any, ...] = (
    cloup.option(
        "--serve-token",
        metavar="FILE",
        type=_PATH,
        show_default="$STZSAR_PAGE_TOKEN, or made where others than this machine reach the page",
        help="Let only those in who have the token in a file's first line; with the token in its "
        "second line they may look and change nothing",
    ),
    cloup.option(
        "--tls-cert",
        metavar="FILE",
        type=_PATH,
        help="Serve the page by https with the certificate in a PEM file",
    ),
    cloup.option(
        "--tls-key", metavar="FILE", type=_PATH, help="The key of the certificate, in a PEM file"
    ),
)
PAGE = cloup.option_group(
    "Live page",
    cloup.option(
        "--serve",
        metavar="[HOST:PORT]",
        is_flag=False,
        flag_value=DEFAULT_LISTEN,
        help="Serve a page with live pictures, scores and events, on which labels, regions and "
        f"thresholds are changed while the run goes on; {DEFAULT_LISTEN} unless HOST:PORT is given",
    ),
    *DOOR,
)

OF_PAGE = ("serve", "serve_token", "tls_cert", "tls_key")
