"""What stzsar-verify writes; `python -m stzsar.benchmarks.hardware.report` renews its schema."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ...runtime.documents import MIB, DocumentError, from_json, read_file
from ...runtime.errors import StzsarError

VERSION = 1  # of the fields: raise it when one changes
KIND = "stzsar-verify"
SCHEMA = Path(__file__).with_name("report.schema.json")
Status = Literal["ok", "failed", "impossible"]
Fact = str | int | float | bool
Facts = Mapping[str, Fact]
_Text = Annotated[str, msgspec.Meta(max_length=10_000)]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that was tried: whether it worked, in how many seconds, and what it found."""

    name: _Text
    status: Status
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    # Why it failed, or is impossible on this machine; empty if it is ok.
    reason: _Text = ""
    facts: Facts = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was asked for. A report goes on only with the same plan on the same setup."""

    quick: bool
    streams: int
    minutes: float


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One machine, one bundle, and the steps that have an end so far, in their order."""

    kind: Literal["stzsar-verify"] = KIND
    version: Literal[1] = VERSION
    created: _Text  # when it began: UTC, ISO 8601
    plan: Plan
    setup: Facts  # processor, GPU, system, versions, and the bundle's precision, size and hash
    steps: tuple[Step, ...] = ()

    def to_json(self) -> str:
        """Return it as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False) + "\n"


def read_report(path: Path) -> Report:
    """Read a report, which may be a stranger's.

    Raises:
        StzsarError: it cannot be read, or is no report of this version.
    """
    try:
        return from_json(read_file(path, 4 * MIB), Report)
    except OSError as error:
        raise StzsarError(f"Cannot read {path}: {error.strerror}.") from error
    except DocumentError as error:
        raise StzsarError(
            f"{path} is not a report of version {VERSION} of stzsar-verify ({error}): name a file "
            "that stzsar-verify wrote."
        ) from error


def schema() -> dict[str, Any]:
    """Return the JSON schema of a report."""
    found = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
