"""Fixtures of the tests of attributes: servers on this machine, and a fetcher that asks them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stzsar.runtime.chat import model as chat
from stzsar.train.attributes.cache import Cache
from stzsar.train.attributes.fetch import Fetcher

from ...chat_server import Chat, Site


@pytest.fixture
def make_site() -> Iterator[Callable[[], Site]]:
    sites: list[Site] = []

    def make() -> Site:
        sites.append(Site())
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(make_site: Callable[[], Site]) -> Site:
    return make_site()


@pytest.fixture
def model() -> Iterator[Chat]:
    """A chat endpoint."""
    server = Chat()
    yield server
    server.close()


@pytest.fixture
def make_fetcher(tmp_path: Path, site: Site) -> Callable[..., Fetcher]:
    """Makes a fetcher that may ask `site`, and waits for nothing."""

    def make(**options: Any) -> Fetcher:
        named = options.pop("named", [site.url])
        settings: dict[str, Any] = {"user_agent": "tests", "delay_s": 0.0, **options}
        fetcher = Fetcher(Cache(tmp_path / "cache").open(), **settings)
        for url in named:
            fetcher.allow(url)
        return fetcher

    return make


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are noted and not waited for."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the keys of whoever runs the tests out of them."""
    for name in (chat.KEY_VARIABLE, chat.OPENAI_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with labels.txt and texts/."""
    monkeypatch.chdir(tmp_path)
    from .samples import TEXTS

    Path("labels.txt").write_text("\n".join(TEXTS) + "\n")
    Path("texts").mkdir()
    for label, text in TEXTS.items():
        Path("texts", f"{label}.txt").write_text(text)
    return tmp_path
