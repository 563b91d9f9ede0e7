"""Writes the document of the interface: `python -m stzsar.runtime.page.api.document`."""

import json
from pathlib import Path
from typing import Any

from .archive_endpoints import archive_endpoints
from .change_endpoints import change_endpoints
from .endpoints import Endpoint
from .event_endpoints import event_endpoints
from .openapi import described, document
from .run_endpoints import run_endpoints
from .session_endpoints import session_endpoints
from .teaching_endpoints import teaching_endpoints

FILE = Path(__file__).with_name("openapi.json")


def shipped() -> str:
    """Return the document of what every run answers."""
    nobody: Any = None  # the document says what can be asked, and nothing answers
    endpoints: list[Endpoint] = [
        *session_endpoints(nobody),
        *run_endpoints(nobody, nobody),
        *change_endpoints(nobody, nobody),
        *event_endpoints(nobody),
        *teaching_endpoints(nobody),
        *archive_endpoints(nobody),
    ]
    found = document([*endpoints, described(endpoints)])
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(shipped(), "utf-8")
