"""An install without PyAV works, and says once what it lacks."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.video import pyav
from stzsar.runtime.video.capture import open_address


@pytest.fixture
def fresh(monkeypatch):
    """Look for PyAV anew, and again after the test."""
    load_av = pyav.load_av
    load_av.cache_clear()
    monkeypatch.setattr(pyav, "_limit_unsaid", threading.Lock())
    yield monkeypatch
    load_av.cache_clear()


class TooOld:
    __version__ = "9.2.0"


@pytest.mark.parametrize("module", [None, TooOld])
def test_a_missing_or_old_pyav_is_none(fresh, module):
    fresh.setitem(sys.modules, "av", module)
    fresh.setitem(sys.modules, "av.video.reformatter", module)

    assert pyav.load_av() is None


def test_the_limit_is_said_once(fresh, caplog):
    fresh.setattr(pyav, "load_av", lambda: None)

    def refused() -> None:
        with pytest.raises(SourceError, match="No video comes from cam"):
            open_address("http://127.0.0.1:9/x", "cam")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: refused(), range(4)))

    assert [record.getMessage() for record in caplog.records] == [pyav.LIMIT]
    assert "pip install '.[av]'" in pyav.LIMIT
