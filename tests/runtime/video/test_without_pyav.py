"""An install without PyAV works, and says once what it lacks."""

import logging
import sys

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.video import pyav
from stzsar.runtime.video.capture import open_address


@pytest.fixture
def fresh(monkeypatch):
    """Look for PyAV anew, and again after the test."""
    cached = (pyav.load_av, pyav.warn_without_av)
    for function in cached:
        function.cache_clear()
    yield monkeypatch
    for function in cached:
        function.cache_clear()


class TooOld:
    __version__ = "9.2.0"


@pytest.mark.parametrize("module", [None, TooOld])
def test_a_missing_or_old_pyav_is_none(fresh, module):
    fresh.setitem(sys.modules, "av", module)
    fresh.setitem(sys.modules, "av.video.reformatter", module)

    assert pyav.load_av() is None


def test_the_limit_is_said_once(fresh, caplog):
    fresh.setattr(pyav, "load_av", lambda: None)
    fresh.setattr(logging.getLogger("stzsar"), "propagate", True)
    caplog.set_level(logging.WARNING)

    for _ in range(2):
        with pytest.raises(SourceError, match="No video comes from cam"):
            open_address("http://127.0.0.1:9/x", "cam")

    assert [record.getMessage() for record in caplog.records] == [pyav.LIMIT]
    assert "pip install '.[av]'" in pyav.LIMIT
