"""Engines of other users and machines, and engines in places that cannot be written to."""

import dataclasses
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from stzsar.runtime.engines.trt import store as trt_store
from stzsar.runtime.engines.trt.store import EngineStore
from stzsar.runtime.errors import EngineError


@pytest.fixture
def foreign(tmp_path, monkeypatch, orin_key):
    """The folder of a bundle with an engine that another user made, with a key that fits."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "other"))
    EngineStore(tmp_path / "bundle").keep("frame", orin_key, b"their code")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    return tmp_path / "bundle"


def test_an_engine_that_another_user_made_is_not_taken(foreign, orin_key):
    engine, reason = EngineStore(foreign).load("frame", orin_key)

    assert engine is None
    assert "another user or machine made it" in reason


def test_a_person_may_trust_it(foreign, orin_key):
    assert EngineStore(foreign, trusted=True).load("frame", orin_key) == (b"their code", "")


@pytest.mark.parametrize("seal", [None, 1, "", "0" * 64, "ß" * 64, []])
def test_a_forged_seal_is_none(foreign, seal, orin_key):
    path = foreign / "engines" / "frame.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seal": seal}))

    assert EngineStore(foreign).load("frame", orin_key)[0] is None


def test_the_seal_covers_every_field_of_the_key(tmp_path, orin_key):
    store = EngineStore(tmp_path)
    store.keep("frame", orin_key, b"engine")
    path = tmp_path / "engines" / "frame.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "device": "Thor"}))

    wanted = dataclasses.replace(orin_key, device="Thor")

    assert "another user" in store.load("frame", wanted)[1]


def test_the_secret_is_for_this_user_alone(foreign, tmp_path, orin_key):
    EngineStore(foreign).keep("window", orin_key, b"mine")

    secret = tmp_path / "mine" / "stzsar" / "engine-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_bytes()) == 32
    assert secret.read_bytes() != (tmp_path / "other" / "stzsar" / "engine-secret").read_bytes()
    assert [path.name for path in secret.parent.iterdir()] == ["engine-secret"]


def test_without_a_place_for_the_secret_nothing_is_kept(foreign, monkeypatch, tmp_path, orin_key):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))

    with pytest.raises(EngineError, match="set XDG_DATA_HOME"):
        EngineStore(foreign).keep("window", orin_key, b"mine")


def test_without_a_home_it_is_said_what_to_set(tmp_path, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(trt_store, "_is_writable", lambda _folder: False)

    with pytest.raises(EngineError, match="set XDG_CACHE_HOME"):
        EngineStore(tmp_path)


def test_engines_in_a_bundle_that_is_read_only_are_found_and_new_ones_go_to_the_cache(
    tmp_path, monkeypatch, orin_key
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = tmp_path / "bundle"
    EngineStore(bundle).keep("frame", orin_key, b"built at export")
    monkeypatch.setattr(os, "access", lambda *_: False)
    store = EngineStore(bundle)

    assert store.load("frame", orin_key) == (b"built at export", "")
    assert store.find("frame") == bundle / "engines" / "frame.engine"
    newer = dataclasses.replace(orin_key, version="10.16.1")
    store.keep("frame", newer, b"built here")
    assert store.load("frame", newer) == (b"built here", "")
    assert store.folder.is_relative_to(tmp_path / "cache")


def test_a_kept_engine_has_its_hash_beside_it(tmp_path, orin_key):
    store = EngineStore(tmp_path)
    store.keep("frame", orin_key, b"engine")
    document = json.loads((tmp_path / "engines/frame.json").read_text())
    assert document["engine"] == hashlib.sha256(b"engine").hexdigest()
    assert store.load("frame", orin_key) == (b"engine", "")
    assert sorted(p.name for p in (tmp_path / "engines").iterdir()) == [
        "frame.engine",
        "frame.json",
    ]
