"""Engines of other users and machines, and engines in places that cannot be written to."""

import dataclasses
import json
import os
import stat
from pathlib import Path

import pytest

from stzsar.runtime.errors import EngineError
from stzsar.runtime.trt import store as trt_store
from stzsar.runtime.trt.key import EngineKey, Limits
from stzsar.runtime.trt.store import EngineStore

KEY = EngineKey(
    family="tensorrt",
    version="10.3.0",
    capability="8.7",
    device="Orin",
    cuda="12.6",
    driver="540.4.0",
    l4t="36.4.3",
    graph="0" * 64,
    precision="fp16",
    limits=Limits(labels=512),
)


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """The folder of a bundle with an engine that another user made, with a key that fits."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    EngineStore(tmp_path / "bundle").keep("frame", KEY, b"their code")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    return tmp_path / "bundle"


def test_an_engine_that_another_user_made_is_not_taken(foreign):
    engine, reason = EngineStore(foreign).load("frame", KEY)

    assert engine is None
    assert "another user or machine made it" in reason


def test_a_person_may_trust_it(foreign):
    assert EngineStore(foreign, trusted=True).load("frame", KEY) == (b"their code", "")


@pytest.mark.parametrize("seal", [None, 1, "", "0" * 64, "ß" * 64, []])
def test_a_forged_seal_is_none(foreign, seal):
    path = foreign / "engines" / "frame.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seal": seal}))

    assert EngineStore(foreign).load("frame", KEY)[0] is None


def test_the_seal_covers_every_field_of_the_key(tmp_path):
    store = EngineStore(tmp_path)
    store.keep("frame", KEY, b"engine")
    path = tmp_path / "engines" / "frame.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "device": "Thor"}))

    wanted = dataclasses.replace(KEY, device="Thor")

    assert "another user" in store.load("frame", wanted)[1]


def test_the_secret_is_for_this_user_alone(foreign, tmp_path):
    EngineStore(foreign).keep("window", KEY, b"mine")

    secret = tmp_path / "mine" / "stzsar" / "engine-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_bytes()) == 32
    assert secret.read_bytes() != (tmp_path / "other" / "stzsar" / "engine-secret").read_bytes()
    assert [path.name for path in secret.parent.iterdir()] == ["engine-secret"]


def test_without_a_place_for_the_secret_nothing_is_kept(foreign, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))

    with pytest.raises(EngineError, match="set XDG_DATA_HOME"):
        EngineStore(foreign).keep("window", KEY, b"mine")


def test_without_a_home_it_is_said_what_to_set(tmp_path, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(trt_store, "_is_writable", lambda _folder: False)

    with pytest.raises(EngineError, match="set XDG_CACHE_HOME"):
        EngineStore(tmp_path)


def test_engines_in_a_bundle_that_is_read_only_are_found_and_new_ones_go_to_the_cache(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = tmp_path / "bundle"
    EngineStore(bundle).keep("frame", KEY, b"built at export")
    monkeypatch.setattr(os, "access", lambda *_: False)
    store = EngineStore(bundle)

    assert store.load("frame", KEY) == (b"built at export", "")
    assert store.find("frame") == bundle / "engines" / "frame.engine"
    newer = dataclasses.replace(KEY, version="10.16.1")
    store.keep("frame", newer, b"built here")
    assert store.load("frame", newer) == (b"built here", "")
    assert store.folder.is_relative_to(tmp_path / "cache")
