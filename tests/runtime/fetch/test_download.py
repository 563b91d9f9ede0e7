"""Downloads from a hub: whole, resumed, refused, and checked."""

import hashlib
import re
import socket
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="pip install '.[fetch]'")

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.fetch.catalogue import FILE, find_weights
from stzsar.runtime.fetch.download import _check_room

pytestmark = pytest.mark.live
REPO = "timm/vit_base_patch32_clip_224.openai"
BY_HAND = f"copy https://huggingface.co/{REPO}/resolve/main/open_clip_model.safetensors to this"
COMMAND = "stzsar-fetch ViT-B-32 --pretrained openai --weights open_clip_model.safetensors"


def sentence(ended) -> str:
    """The only error of a process, which says what to copy by hand and what to run then."""
    assert ended.returncode, ended.stdout
    errors = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert BY_HAND in errors[0]
    assert COMMAND in errors[0]
    return errors[0]


def test_a_file_is_downloaded_whole_and_lies_where_other_programs_look_for_it(
    download_in, hub, hub_environment
):
    ended = download_in()

    path, revision, sha256 = ended.stdout.split()
    assert Path(path).read_bytes() == hub.content, ended.stderr
    assert (revision, sha256) == (hub.commit, hub.sha256)
    snapshots = Path(hub_environment["HF_HOME"], "hub", f"models--{REPO.replace('/', '--')}")
    assert Path(path) == snapshots / "snapshots" / hub.commit / "open_clip_model.safetensors"
    assert not list(snapshots.rglob("*.partial"))


def test_a_second_start_downloads_nothing_and_offline_mode_takes_the_cached_file(download_in, hub):
    first = download_in()
    count = len(hub.downloads())

    again = download_in()
    hub.stop()
    offline = download_in(HF_HUB_OFFLINE="1")
    hub.start()

    assert first.stdout == again.stdout == offline.stdout != "", offline.stderr
    assert len(hub.downloads()) == count


def test_offline_mode_without_a_cached_file_says_so(download_in, hub):
    assert "HF_HUB_OFFLINE is set" in sentence(download_in(HF_HUB_OFFLINE="1"))
    assert not hub.requests


def test_a_broken_connection_goes_on_where_it_broke(download_in, hub):
    hub.cuts = [2**20, 2**19]

    ended = download_in()

    assert Path(ended.stdout.split()[0]).read_bytes() == hub.content, ended.stderr
    starts = [int(re.findall(r"\d+", asked or "")[0]) for asked in hub.downloads()]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert ended.stderr.count("The connection broke at") == 2


def test_a_new_start_goes_on_where_the_last_one_gave_up(download_in, hub):
    hub.cuts = [2**20, 0, 0, 0]

    gave_up = sentence(download_in())
    asked_before = len(hub.downloads())
    ended = download_in()

    assert "from where a new start goes on" in gave_up
    assert Path(ended.stdout.split()[0]).read_bytes() == hub.content
    (resumed,) = hub.downloads()[asked_before:]
    assert int(re.findall(r"\d+", resumed or "")[0]) > 2**19


def test_a_server_without_ranges_starts_anew(download_in, hub):
    hub.ranges = False
    hub.cuts = [2**20]

    ended = download_in()

    assert Path(ended.stdout.split()[0]).read_bytes() == hub.content, ended.stderr


def test_what_has_another_hash_is_refused_and_thrown_away(download_in, hub, hub_environment):
    hub.content = bytes(len(hub.content))

    found = hashlib.sha256(hub.content).hexdigest()
    assert f"has the sha256 {found} instead of {hub.sha256}" in sentence(download_in())
    kept = [path for path in Path(hub_environment["HF_HOME"]).rglob("*") if path.is_file()]
    assert all(path.stat().st_size < 1000 for path in kept)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "check HF_TOKEN"),
        (403, "accept the weights' terms there"),
        (404, "has no such file or revision"),
        (429, "wait for 30 seconds"),
        (503, "has a fault"),
    ],
)
@pytest.mark.parametrize("attribute", ["status", "get_status"])
def test_a_refusal_is_said_at_once_with_its_reason(download_in, hub, status, words, attribute):
    setattr(hub, attribute, status)

    said = sentence(download_in())

    assert words in said
    assert f"(status {status})" in said
    assert len(hub.requests) <= 2  # nothing is tried again in silence


def test_a_server_that_is_down_is_named(download_in, hub):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = sentence(download_in(HF_ENDPOINT=f"http://127.0.0.1:{port}"))
    assert f"there is no connection to 127.0.0.1:{port}" in said


def test_a_host_without_an_address_is_named(download_in):
    said = sentence(download_in(HF_ENDPOINT="http://hub.invalid"))
    assert "there is no connection to hub.invalid" in said


def test_a_server_that_never_answers_is_given_up(download_in, hub):
    hub.silent = True
    assert "does not answer within 4 seconds" in sentence(download_in())


def test_a_proxy_that_is_down_is_said(download_in):
    said = sentence(download_in(HF_ENDPOINT="http://hub.invalid", HTTP_PROXY="http://127.0.0.1:9"))
    assert "there is no connection" in said


def test_what_is_no_hub_is_told_apart(download_in, hub):
    hub.commit = None
    assert "does not answer as a hub does" in sentence(download_in())


@pytest.mark.parametrize("etag", ["abc", "../../../evil", "a" * 40, "A" * 64])
def test_an_answer_without_a_hash_is_refused(download_in, hub, etag):
    hub.sha256 = etag
    assert "does not say the file's sha256" in sentence(download_in())
    assert not hub.downloads()


@pytest.mark.parametrize("size", [0, 2**60])
def test_an_absurd_size_is_refused_before_anything_is_written(download_in, hub, size):
    hub.size = size
    assert f"has {size} bytes, too few or too many" in sentence(download_in())
    assert not hub.downloads()


def test_an_endless_body_ends_at_the_announced_size(download_in, hub, hub_environment):
    hub.endless = True

    assert f"sends more than the {hub.size} bytes" in sentence(download_in())
    sizes = [path.stat().st_size for path in Path(hub_environment["HF_HOME"]).rglob("*")]
    assert max(sizes) <= hub.size


def test_a_commit_that_was_not_asked_for_is_refused(download_in, hub):
    said = download_in("f" * 40).stderr
    assert f"has the commit {hub.commit} instead of {'f' * 40}" in said


def test_a_token_goes_to_the_hub_and_nowhere_else(download_in, hub, make_hub):
    other = make_hub(hub.content)
    hub.elsewhere = f"{other.url.replace('127.0.0.1', 'localhost')}/file"

    ended = download_in(HF_TOKEN="hf_secret")

    assert Path(ended.stdout.split()[0]).read_bytes() == hub.content, ended.stderr
    assert {token for *_, token in hub.requests} == {"Bearer hf_secret"}
    assert [token for *_, token in other.requests] == [None]


@pytest.mark.parametrize(
    "address", ["/again", "file:///etc/passwd", "http://[bad", "http://hub.invalid/"]
)
def test_a_redirection_that_leads_nowhere_is_one_sentence(download_in, hub, address):
    hub.elsewhere = address
    sentence(download_in())


def test_the_pinned_file_is_asked_for_by_its_commit_and_another_one_is_refused(fetch_in, hub):
    weights = find_weights("MobileCLIP2-S0", None)
    hub.commit = weights.revision

    ended = fetch_in("MobileCLIP2-S0", "--accept-licence")

    assert ended.returncode == 2
    assert "the hub has another file" in ended.stderr
    assert f"/{weights.repo}/resolve/{weights.revision}/{FILE}" == hub.requests[0][1]
    assert not hub.downloads()


def test_a_disk_without_room_is_said_with_the_way_out(tmp_path):
    with pytest.raises(StzsarError, match="make room, or set HF_HOME"):
        _check_room(tmp_path, 2**60)
