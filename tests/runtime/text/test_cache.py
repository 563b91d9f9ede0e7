"""Embeddings on disk: equal to new ones, shared by processes, and never in the way."""

import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.text import cache, encoder
from stzsar.runtime.text.encoder import TextEncoder

TEXTS = ["red", "blue", "grass", "red " * 30]


@pytest.fixture
def file():
    return cache.cache_folder() / cache.FILE


@pytest.fixture
def embedded(monkeypatch):
    """All texts that went through a tokenizer, in their order."""
    seen: list[str] = []
    real = TextEncoder.tokens

    def tokens(self, texts):
        seen.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(TextEncoder, "tokens", tokens)
    return seen


def test_what_comes_from_the_cache_equals_what_is_embedded_anew(bundle, file):
    first = TextEncoder(Bundle.open(bundle)).embed(TEXTS)
    cached = TextEncoder(Bundle.open(bundle)).embed(TEXTS[::-1])[::-1]
    file.unlink()
    again = TextEncoder(Bundle.open(bundle)).embed(TEXTS)

    np.testing.assert_array_equal(cached, first)
    np.testing.assert_array_equal(again, first)


def test_the_shipped_network_gives_the_same_alone_and_among_others():
    words = [f"a {colour} {shape}" for colour in ("red", "lime") for shape in ("star", "cross")]
    together = TextEncoder(Bundle.open(shipped_bundle())).embed([*words, "something else"])
    cached = TextEncoder(Bundle.open(shipped_bundle())).embed(words[:1])
    (cache.cache_folder() / cache.FILE).unlink()
    alone = TextEncoder(Bundle.open(shipped_bundle())).embed(words[:1])

    np.testing.assert_array_equal(cached, together[:1])
    np.testing.assert_allclose(cached, alone, atol=1e-6)


def test_a_second_start_loads_neither_the_graph_nor_the_tokenizer(bundle, monkeypatch):
    labels = [Label("yellow", attributes=("sky", "ruby")), Label("pink")]
    first = Recognizer.load(bundle, labels)

    def refuse(*_, **__):
        raise AssertionError("loaded")

    monkeypatch.setattr(encoder, "open_graph", refuse)
    monkeypatch.setattr(encoder, "open_tokenizer", refuse)
    second = Recognizer.load(bundle, labels)

    np.testing.assert_array_equal(
        first.scorer.bank.attribute_embeddings, second.scorer.bank.attribute_embeddings
    )


def test_other_labels_pay_for_new_words_alone(bundle, embedded):
    TextEncoder(Bundle.open(bundle)).embed(["red", "blue"])
    told = []
    TextEncoder(Bundle.open(bundle)).embed(
        ["grass", "blue", "red"], lambda done, total: told.append((done, total))
    )

    assert embedded == ["red", "blue", "grass"]
    assert told == [(2, 3), (3, 3)]


def test_another_prompt_or_encoder_has_embeddings_of_its_own(
    bundle, own_bundle, rewrite_manifest, embedded
):
    TextEncoder(Bundle.open(bundle)).embed(["red"])
    text = {"prompts": ["A picture of {}."], "context_length": 12}
    rewrite_manifest(own_bundle, text=text)
    TextEncoder(Bundle.open(own_bundle)).embed(["red"])
    with (own_bundle / "text.onnx").open("ab") as graph:
        graph.write(b"\x32\x01x")  # ModelProto.doc_string
    rewrite_manifest(own_bundle, text=text)
    TextEncoder(Bundle.open(own_bundle)).embed(["red"])

    assert embedded == ["red"] * 3


def test_labels_that_are_cut_are_warned_of_from_the_cache_too(bundle, caplog):
    long = [Label("red " * 12 + "with a helmet"), Label("red " * 12 + "without a helmet")]
    for _ in range(2):
        caplog.clear()
        TextEncoder(Bundle.open(bundle)).bank_for(long)
        assert "longer than the 12 tokens" in caplog.text


@pytest.mark.parametrize("spoil", ["junk", "cut", "other table", "wrong vectors", "folder"])
def test_a_spoilt_cache_is_as_good_as_none_and_is_made_anew(bundle, file, spoil):
    first = TextEncoder(Bundle.open(bundle)).embed(TEXTS)
    if spoil == "junk":
        file.write_bytes(b"junk" * 5000)
    elif spoil == "cut":
        os.truncate(file, file.stat().st_size // 2 + 7)
    elif spoil == "folder":
        file.unlink()
        file.mkdir()
    else:
        with sqlite3.connect(file) as database:
            if spoil == "other table":
                database.execute("DROP TABLE embeddings")
                database.execute("CREATE TABLE embeddings (something INTEGER)")
            else:
                database.execute("UPDATE embeddings SET vector = zeroblob(12)")

    for _ in range(2):
        np.testing.assert_array_equal(TextEncoder(Bundle.open(bundle)).embed(TEXTS), first)


def test_a_cache_without_a_place_is_none(bundle, monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    expected = TextEncoder(Bundle.open(bundle)).embed(TEXTS)
    (tmp_path / "file").touch()
    for folder in (homeless, lambda: tmp_path / "file" / "below"):
        monkeypatch.setattr(cache, "cache_folder", folder)
        np.testing.assert_array_equal(TextEncoder(Bundle.open(bundle)).embed(TEXTS), expected)


def test_a_locked_cache_does_not_hold_up_a_run(bundle, file, monkeypatch):
    monkeypatch.setattr(cache, "_LOCKED_S", 0.05)
    first = TextEncoder(Bundle.open(bundle)).embed(["red"])
    database = sqlite3.connect(file)
    database.execute("BEGIN EXCLUSIVE")

    found = TextEncoder(Bundle.open(bundle)).embed(["red", "blue"])
    database.close()

    np.testing.assert_array_equal(found[:1], first)


def test_a_cache_that_cannot_be_written_is_still_read(bundle, file, embedded, monkeypatch):
    monkeypatch.setattr(cache, "_LOCKED_S", 0.05)
    TextEncoder(Bundle.open(bundle)).embed(["red"])
    with sqlite3.connect(file) as database:
        database.execute("UPDATE embeddings SET day = 0")
    writer = sqlite3.connect(file)
    writer.execute("BEGIN IMMEDIATE")

    TextEncoder(Bundle.open(bundle)).embed(["red"])
    writer.close()

    assert embedded == ["red"]


def test_the_cache_stays_below_its_bound_and_drops_what_was_not_used(
    bundle, file, monkeypatch, embedded
):
    monkeypatch.setattr(cache, "MAX_BYTES", 60_000)
    monkeypatch.setattr(cache, "_today", lambda: 1)
    TextEncoder(Bundle.open(bundle)).embed([f"old {number}" for number in range(200)])
    monkeypatch.setattr(cache, "_today", lambda: 2)
    TextEncoder(Bundle.open(bundle)).embed(["old 7"])
    TextEncoder(Bundle.open(bundle)).embed([f"new {number}" for number in range(600)])
    del embedded[:]

    TextEncoder(Bundle.open(bundle)).embed(["old 7", "old 8", "new 599"])

    assert file.stat().st_size < 120_000
    assert "old 8" in embedded
    assert "new 599" not in embedded


def test_no_words_lie_in_the_cache(bundle, file):
    TextEncoder(Bundle.open(bundle)).embed(["somebody steals a bicycle"])
    assert b"bicycle" not in file.read_bytes()


def test_several_processes_share_it(bundle, tmp_path):
    program = (
        "import sys\n"
        "from stzsar.runtime.bundle.bundle import Bundle\n"
        "from stzsar.runtime.text.encoder import TextEncoder\n"
        "encoder = TextEncoder(Bundle.open(sys.argv[1]), threads=1)\n"
        "for start in range(0, 300, 50):\n"
        "    rows = encoder.embed([f'text {number}' for number in range(start, start + 100)])\n"
        "print(rows.sum())\n"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(bundle)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=120) for process in processes]

    assert len({out for out, _ in ended}) == 1, ended
    with sqlite3.connect(tmp_path / "stzsar" / cache.FILE) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM embeddings").fetchone() == (350,)
