"""The command: its key, its servers, its refusals, a kill, and many labels."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.runtime.bundle.bundle import TOKENIZER, Bundle, shipped_bundle
from stzsar.runtime.chat.model import KEY_VARIABLE, OPENAI_VARIABLE
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.text.encoder import TextEncoder
from stzsar.train.attributes.bank_json import write_bank
from stzsar.train.attributes.cli import main
from stzsar.train.attributes.ordering import BundleEncoder, margins

from ...chat_server import Given, completion
from .samples import GOOD, KEY, bank, good, label_of, run

# Keys and servers


def test_the_key_goes_into_one_header_and_nowhere_else(folder, model, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    replies = [Given(f"bad key {KEY}".encode(), status=500), Given(KEY.encode(), status=400)]

    def say(question):
        if label_of(question) == "bowling":
            return replies[len(model.questions) % 2]
        return json.dumps({"keywords": [KEY, *GOOD["archery"]]})

    model.say = say
    result = run(model, "--debug")

    assert {asked.headers["Authorization"] for asked in model.asked} == {f"Bearer {KEY}"}
    assert KEY not in result.output + result.stderr
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 4
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


@pytest.mark.parametrize("form", ["{}", '{{"error": {{"message": "{}"}}}}'])
def test_a_long_complaint_does_not_show_even_the_start_of_the_key(folder, model, monkeypatch, form):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    for before in (188, 3990):
        said = form.format("x" * before + KEY).encode()
        model.say = lambda _question, said=said: Given(said, status=413)
        result = run(model)
        assert "refuses the question" in result.stderr
        assert KEY[:6] not in result.output + result.stderr


def test_a_server_that_calls_its_model_like_the_key_makes_no_bank_with_it(
    folder, model, monkeypatch
):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    model.pages["/v1/models"] = Given(json.dumps({"data": [{"id": f"Bearer {KEY}"}]}).encode())
    model.say = good
    result = run(model)
    assert KEY not in result.output + result.stderr + Path("bank.json").read_text()


def test_a_key_that_is_a_word_is_left_in_the_words(folder, model, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "pin")
    model.say = good
    assert run(model).exit_code == 0
    assert bank() == GOOD


@pytest.mark.parametrize("status", [301, 307, 401, 403])
def test_a_server_that_redirects_or_refuses_ends_it_without_showing_the_key(
    folder, model, make_site, monkeypatch, status
):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    other = make_site()
    headers = {"Location": f"{other.url}/v1/chat/completions"}
    model.say = lambda _question: Given(KEY.encode(), status=status, headers=headers)

    result = run(model)

    assert result.exit_code == 2
    assert ("redirects elsewhere" if status < 400 else "refuses the key") in result.stderr
    assert KEY not in result.output + result.stderr
    assert other.asked == []
    assert not Path("bank.json").exists()


def test_openais_key_goes_to_openai_only(folder, model, monkeypatch):
    monkeypatch.setenv(OPENAI_VARIABLE, KEY)
    model.say = good
    assert run(model).exit_code == 0
    assert not [asked for asked in model.asked if "Authorization" in asked.headers]


def test_no_other_variable_of_openais_reaches_a_server(folder, model, monkeypatch):
    for name in ("OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Team: {KEY}\nAuthorization: Bearer {KEY}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    model.say = good
    assert run(model).exit_code == 0
    assert {asked.headers["User-Agent"] for asked in model.asked} == {"stzsar-attributes"}
    for asked in model.asked:
        assert KEY not in str(asked.headers)
        assert not [name for name in asked.headers if name.lower().startswith(("x-", "openai"))]


def test_where_no_model_answers_it_says_what_to_do(folder):
    result = run(None, "--llm-url", "http://127.0.0.1:9/v1")
    assert result.exit_code == 2
    assert (
        "No language model answers at http://127.0.0.1:9/v1 (connection refused)" in result.stderr
    )
    assert "--llm none" in result.stderr


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Given(status=404), "it answers 404"),
        (Given(b'{"data": []}'), "not a list of models"),
        (Given(b'{"data": [1]}'), "not a list of models"),
        (Given(b"<html>"), "not a list of models"),
        (Given(bytes(2 << 20)), "larger than 1 MiB"),
        (Given(status=500), "it answers 500"),
        (Given(status=307, headers={"Location": "/x"}), "it answers 307"),
    ],
)
def test_a_server_that_lists_no_models_asks_for_a_name(folder, model, given, why):
    given.headers["Content-Type"] = "application/json"
    model.pages["/v1/models"] = given
    result = run(model)
    assert result.exit_code == 2, result.output
    assert "lists no models (" in result.stderr
    assert why in result.stderr
    assert "give --llm-model" in result.stderr


def test_a_server_that_takes_no_schema_is_asked_for_less(folder, model):
    def say(question):
        form = question.get("response_format", {})
        if form:
            return Given(b'{"error": {"message": "response_format is not supported"}}', status=400)
        if "max_tokens" in question:
            return Given(b'{"error": {"message": "use max_completion_tokens"}}', status=400)
        return good(question)

    model.say = say
    result = run(model, "--parallel", "1")
    assert result.exit_code == 0, result.output
    forms = [q.get("response_format", {"type": "none"}) for q in model.questions]
    assert [form["type"] for form in forms] == [
        *("json_schema", "json_object", "json_object", "none", "none"),
        "none",  # it has learnt
    ]
    assert "schema" in forms[1]


def test_an_answer_that_is_cut_off_gets_more_room_once_and_only_whole_ones_are_kept(folder, model):
    def say(question):
        if question["max_tokens"] < 4096:
            return completion("", "length")
        return good(question)

    model.say = say
    assert run(model, "--parallel", "1").exit_code == 0
    assert bank() == GOOD
    assert [q["max_tokens"] for q in model.questions] == [512, 4096, 4096]  # it has learnt


@pytest.mark.parametrize("first", [completion('{"keyw', "length"), completion(" ")])
def test_an_answer_that_is_empty_or_cut_off_is_asked_for_again_by_the_next_run(
    folder, model, first
):
    model.say = lambda _question: first
    assert run(model).exit_code == 1
    model.say = good
    assert run(model).exit_code == 0
    assert bank() == GOOD


def test_too_many_requests_are_waited_for(folder, model, slept):
    seen = []

    def say(question):
        seen.append(question)
        if len(seen) == 1:
            return Given(b"{}", status=429, headers={"Retry-After": "11"})
        return good(question)

    model.say = say
    assert run(model).exit_code == 0
    assert 11 in slept


# The command


def test_a_dry_run_asks_nobody(folder, model, site):
    arguments = ["labels.txt", "--dry-run", "--cache", "cache", "--llm-url", model.endpoint]
    for source in ("texts", f"{site.url}/wiki/{{label_}}", f"wikipedia={site.url}"):
        arguments += ["--source", source]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert f"archery: {Path('texts', 'archery.txt')}\n" in result.stdout
    assert f"bowling: {site.url}/wiki/bowling\n" in result.stdout
    assert "titles=bowling" in result.stdout
    assert site.asked == model.asked == []
    assert not Path("cache").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--llm", "none", "--llm-model", "x"], "leave out --llm-model"),
        (["--contact", "me@example.org"], "leave out --contact"),
        (["--dry-run"], "--output FILE.json or --dry-run"),
        (["--output", "/proc/bank.json"], "Cannot write /proc/bank.json ("),
        (["--output", "/dev/null", "--overwrite"], "is not a regular file"),
        (["--source", "nowhere"], "is neither wikipedia"),
        (["--source", "https://host.example/page"], "where the label belongs"),
        (["--source", "ftp://host/{label}"], "cannot be asked"),
        (["--language", "xx"], "is not supported"),
        (["--llm-url", "http://me:pass@host/v1"], "holds a user or a password"),
    ],
)
def test_bad_options_are_refused_in_one_sentence(folder, more, message):
    result = run(None, *more)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "pass@" not in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1


@pytest.mark.parametrize(
    "option",
    ["--bundle=.", "--parallel=2", "--llm-timeout=9", "--llm-model=x", "--delay=1", "--contact=x"],
)
def test_a_dry_run_refuses_what_it_does_not_need(folder, option):
    result = CliRunner().invoke(main, ["labels.txt", "--dry-run", option])
    assert result.exit_code == 2
    assert f"leave out {option.partition('=')[0]}" in result.stderr


def test_a_bank_has_the_permissions_of_other_files_and_keeps_its_own(tmp_path):
    bank, link = tmp_path / "bank.json", tmp_path / "link.json"
    before = os.umask(0o027)
    try:
        write_bank(bank, [{"label": "half \ud800"}])
    finally:
        os.umask(before)
    assert stat.S_IMODE(bank.stat().st_mode) == 0o640
    assert json.loads(bank.read_text()) == [{"label": "half ?"}]

    bank.chmod(0o604)
    link.symlink_to(bank)
    write_bank(link, [])
    assert stat.S_IMODE(bank.stat().st_mode) == 0o604
    assert link.is_symlink()
    assert bank.read_text() == "[]\n"


def test_labels_are_typed_too(folder):
    arguments = ["archery, hula hoop", "--dry-run", "--source", "texts", "--llm", "none"]
    (folder / "texts" / "hula hoop.txt").write_text("A hoop around the hips.")

    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 0, result.output
    assert [line.partition(":")[0] for line in result.stdout.splitlines()][:2] == [
        "archery",
        "hula hoop",
    ]
    refused = CliRunner().invoke(main, ["archery", "--dry-run"])
    assert "There is no file 'archery' for the labels" in " ".join(refused.stderr.split())


def test_the_labels_are_not_overwritten(folder):
    arguments = ["labels.txt", "--output", "labels.txt", "--source", "texts", "--llm", "none"]
    result = CliRunner().invoke(main, [*arguments, "--overwrite"])
    assert result.exit_code == 2
    assert "is the file of the labels" in result.stderr


def test_a_kill_in_the_middle_leaves_no_half_file_and_costs_no_answer(folder, model):
    """The process is killed while it waits for the second label's answer."""
    stuck, killed = threading.Event(), threading.Event()

    def say(question):
        if label_of(question) == "bowling" and not killed.is_set():
            stuck.set()
            killed.wait(60)
        return good(question)

    model.say = say
    program = "from stzsar.train.attributes.cli import main; main()"
    command = [sys.executable, "-c", program, "labels.txt", "--output", "bank.json"]
    command += ["--source", "texts", "--cache", "cache", "--llm-url", model.endpoint]
    process = subprocess.Popen([*command, "--parallel", "1"])
    assert stuck.wait(60)
    process.kill()
    process.wait(30)
    killed.set()

    assert not Path("bank.json").exists()
    before = len(model.questions)
    assert run(model).exit_code == 0
    assert bank() == GOOD
    assert [label_of(question) for question in model.questions[before:]] == ["bowling"]


def test_two_hundred_labels_are_soon_done(folder, model):
    shared = "In every text stands this sentence about nothing much. "
    labels = [f"action {chr(97 + n // 26)}{chr(97 + n % 26)}q" for n in range(200)]
    Path("labels.txt").write_text("\n".join(labels))

    def words(label: str) -> list[str]:
        own = label[-3:]
        kinds = ("bow", "hat", "rim", "box", "cap", "net", "jar", "log")
        return [f"{own}{kind} thing" for kind in kinds]

    for label in labels:
        Path("texts", f"{label}.txt").write_text(shared + ", ".join(words(label)) + ".")

    def say(question):
        asked = question["messages"][1]["content"]
        return json.dumps({"keywords": words(asked.split('"')[1])})

    model.say = say
    result = run(model, "--parallel", "8")
    assert result.exit_code == 0, result.output
    assert list(bank()) == labels
    assert len(model.questions) == 200


def test_the_command_needs_no_torch(folder):
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', 'open_clip')));"
        "from stzsar.train.attributes.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "labels.txt", "--output", "bank.json"]
    command += ["--source", "texts", "--cache", "cache", "--llm", "none"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert len(bank()) == 2


def test_tokens_are_counted_by_the_runtimes_own_tokenizer(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)  # the extra [cpu] has it not
    encoder = BundleEncoder(shipped_bundle())
    assert [encoder.tokens("7" * count) for count in (0, 1, 200)] == [0, 1, 200]


def test_a_damaged_tokenizer_is_one_sentence(tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(shipped_bundle(), bundle)
    (bundle / TOKENIZER).write_text("{")
    with pytest.raises(BundleError, match="tokenizer"):
        BundleEncoder(bundle)


def test_a_bundle_puts_the_most_telling_attributes_first():
    labels = [Label("red heart moving left"), Label("blue circle falling")]
    words = ["downward path", "crimson", "leftward path"]
    ordered = BundleEncoder(shipped_bundle()).ordered(labels, {labels[0].name: words})
    encoder = TextEncoder(Bundle.open(shipped_bundle()))
    lead = margins(encoder.embed(words), encoder.embed([label.name for label in labels]), 0)
    assert ordered[labels[0].name] == [words[i] for i in np.argsort(-lead)]
    assert ordered[labels[1].name] == []


def test_the_margin_is_the_lead_over_the_nearest_other_class():
    classes = np.eye(3, dtype=np.float32)
    attributes = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.8, 0, 0.6]], np.float32)
    assert np.allclose(margins(attributes, classes, 0), [1, -0.2, 0.2])
    assert np.allclose(margins(attributes, classes[:1], 0), [1, 0.6, 0.8])
