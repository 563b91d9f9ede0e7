"""What is promised to users, as texts in tests/data/promises, and what renews them.

docs/promises.md says what each text promises. A test compares them with the code of today.
"""

import ast
import importlib
import inspect
import json
import re
import sqlite3
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from click.testing import CliRunner

from stzsar.runtime import results_schema
from stzsar.runtime.bundle.manifest import Manifest
from stzsar.runtime.events import schema
from stzsar.runtime.page.api.document import shipped
from stzsar.runtime.receivers.mqtt import Mqtt
from stzsar.runtime.receivers.mqtt_topics import Address, StreamTopics
from stzsar.runtime.sinks.metrics import Metrics
from stzsar.runtime.sinks.queued import SinkCounters

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "promises"
RENEW = "python tests/promises/golden.py"


def texts() -> dict[str, str]:
    """Return every promise by the name of its file."""
    makers: dict[str, Callable[[], str]] = {
        "help.txt": helps,
        "results.schema.json": lambda: _json(results_schema.schema()),
        "manifest.schema.json": lambda: _json(msgspec.json.schema(Manifest)),
        "page.openapi.json": shipped,
        "metrics.txt": metrics,
        "mqtt.txt": mqtt,
        "events.sql": events_store,
        "python.txt": python_names,
    }
    return {name: make() for name, make in makers.items()}


def helps() -> str:
    """Return the help of every command and of each subcommand, 80 columns wide."""
    scripts = re.search(
        r"\[project\.scripts\]\n(.+?)\n\n", (ROOT / "pyproject.toml").read_text(), re.S
    )
    assert scripts
    pages = []
    for name, target in sorted(re.findall(r'^([\w-]+) = "(.+)"$', scripts[1], re.M)):
        module = importlib.import_module(target.split(":")[0])
        pages += _pages(name, module.main)
    return "\n".join(pages)


def _pages(name: str, command: click.Command) -> Iterator[str]:
    shown = CliRunner().invoke(command, ["--help"], prog_name=name, terminal_width=80)
    assert shown.exit_code == 0, shown.output
    yield f"$ {name} --help\n{shown.stdout}"
    loaders: dict[str, Callable[[], click.Command]] = getattr(command, "subcommands", {})
    below = {word: load() for word, load in loaders.items()}
    for word, sub in sorted((below | dict(getattr(command, "commands", {}))).items()):
        yield from _pages(f"{name} {word}", sub)


def metrics() -> str:
    """Return name, kind, labels and meaning of each metric, one a line."""
    found = Metrics(lambda: {"gate": {}}, lambda: {"stdout": SinkCounters()})
    registry: Any = found._registry
    own = {
        one._name: one for one in registry._names_to_collectors.values() if hasattr(one, "_name")
    }
    lines = []
    for family in registry.collect():
        labels = getattr(own.get(family.name), "_labelnames", None)
        if labels is None:
            labels = sorted({label for sample in family.samples for label in sample.labels})
        shown = f"{family.name}{{{','.join(labels)}}}"
        lines.append(f"{shown} {family.type}: {family.documentation}")
    return "\n".join(sorted(lines)) + "\n"


def mqtt() -> str:
    """Return the topics of a run called `door` below the prefix `site`, for the stream `gate`."""
    topics = StreamTopics(Address.parse("mqtt://broker/site?client=door"))
    source = inspect.getsource(Mqtt)  # where the kinds stand as literals
    kinds = set(re.findall(r'\.of\([\w.]+, "([\w/]+)"\)', source))
    kinds |= set(re.findall(r'kind = "(\w+)" if .+ else "\w+"', source))
    kinds |= set(re.findall(r'kind = "\w+" if .+ else "(\w+)"', source))
    found = [topics.overload, topics.status, topics.arm_all, *(topics.of("gate", k) for k in kinds)]
    return "\n".join(sorted(found)) + "\n"


def events_store() -> str:
    """Return the tables of events.sqlite after all steps, and how many steps there are."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    schema.bring_up_to_date(database, "it", create=True)
    found = database.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type, name")
    tables = [textwrap.dedent(sql) for (sql,) in found if "sqlite_" not in sql]
    return f"PRAGMA user_version = {schema.version_of(database)};\n" + ";\n".join(tables) + ";\n"


def python_names() -> str:
    """Return a stub of all that docs/python.md documents: signatures without bodies."""
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    pattern = r"^\.\. auto(?:class|function|exception):: (\S+)\n(?: +:members: ?(.*))?"
    parts = ["from dataclasses import dataclass, field"]  # griffe asks what `dataclass` is
    for path, members in re.findall(pattern, page, re.M):
        module, _, name = path.rpartition(".")
        found = getattr(importlib.import_module(module), name)
        if not (inspect.isclass(found) or inspect.isfunction(found)):
            parts.append(f"# {path}\n{name} = {found!r}".replace("typing.", ""))
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
        shown = {word.strip() for word in members.split(",")} - {""}
        parts.append(f"# {path}\n{ast.unparse(_Stub(shown).visit(tree))}")
    return "\n\n\n".join(parts) + "\n"


class _Stub(ast.NodeTransformer):
    """Leaves out docstrings, bodies, and members that are private or not documented."""

    def __init__(self, members: set[str]) -> None:
        self._members = members

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        body = [self.visit(one) for one in node.body if self._is_public(one)]
        node.body = body or [ast.Expr(ast.Constant(...))]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [ast.Expr(ast.Constant(...))]
        return node

    visit_AsyncFunctionDef: Any = visit_FunctionDef  # noqa: N815

    def _is_public(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if re.fullmatch(r"__\w+__", node.name):
                return node.name != "__post_init__"
            return node.name in self._members if self._members else node.name[0] != "_"
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            return not node.target.id.startswith("_")
        return isinstance(node, ast.Assign)


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in texts().items():
        (FOLDER / file).write_text(text, "utf-8")
    sys.stdout.write(f"Wrote {FOLDER.relative_to(ROOT)}: look at git diff, and commit it.\n")
