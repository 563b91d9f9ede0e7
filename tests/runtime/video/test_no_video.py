"""Files without a video and web pages are called what they are."""

import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources.address import parse_address
from stzsar.runtime.sources.opening import check_possible
from stzsar.runtime.sources.uri import open_source
from stzsar.runtime.video.web_page import WebPageError, answers_with_page

PAGE = b"<!DOCTYPE html><html><body><video src='a.mp4'></video></body></html>"


@pytest.fixture
def serve():
    """Serve one answer at an address of this machine; its user is me, with the password secret."""
    servers = []

    def start(content, kind, status=200):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format, *_):  # noqa: A002 (the name of the base)
                pass

        asked = []
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip.mp4", b"x" * 100)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mp4", b"", "is an empty file"),
        ("a.mp4", b"archery\nbowling\n", "it is a text file"),
        ("labels.txt", "íjászat\n".encode() * 1000, "it is a text file"),
        ("a.mp4", b"\n" + PAGE, "it is a web page and not the video on it"),
        ("a.mp4", b"\x1f\x8b\x08" + bytes(50), "it is a gzip archive"),
        ("a.pdf", b"%PDF-1.7\n" + bytes(50), "it is a PDF"),
        ("a.mp4", bytes(range(256)) * 8, "it is another kind of file, or cut short"),
    ],
)
def test_a_file_without_a_video_is_called_what_it_is(tmp_path, decoder, name, content, message):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceError, match=message):
        open_source(str(tmp_path / name))


def test_an_archive_and_a_song_are_called_what_they_are(tmp_path, ffmpeg):
    pytest.importorskip("av", reason="OpenCV does not tell a song from a damaged video")
    zipped(tmp_path / "clips.zip")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / "song.mp3")

    with pytest.raises(SourceError, match="it is a ZIP archive"):
        open_source(str(tmp_path / "clips.zip"))
    with pytest.raises(SourceError, match="it holds sound and no pictures"):
        open_source(str(tmp_path / "song.mp3"))


@pytest.mark.timeout(60)
def test_an_address_that_answers_with_a_page_is_told_from_a_stream(serve, decoder):
    host, asked = serve(PAGE, "text/html; charset=utf-8")

    with pytest.raises(WebPageError, match=r"is a web page and not a stream: .*yt-dlp -g") as error:
        open_source(f"http://me:secret@{host}/watch")
    assert "secret" not in str(error.value)
    assert "Basic bWU6c2VjcmV0" in asked


@pytest.mark.timeout(60)
def test_other_answers_are_no_pages(serve):
    host, _ = serve(bytes(2000), "application/octet-stream")
    with pytest.raises(SourceError, match="No video comes from") as error:
        open_source(f"http://{host}/clip")
    assert not isinstance(error.value, WebPageError)
    missing, _ = serve(PAGE, "text/html", 404)
    assert not answers_with_page(f"http://{missing}/")
    assert not answers_with_page("rtsp://127.0.0.1/x")
    assert not answers_with_page("http://127.0.0.1:9/x")
    assert answers_with_page(f"http://{serve(PAGE, 'video/mp4')[0]}/")


@pytest.mark.timeout(60)
def test_a_run_ends_at_a_page_instead_of_waiting_for_a_stream(serve, run_cli, assert_refused):
    host, _ = serve(PAGE, "text/html")

    assert_refused(run_cli(f"http://{host}/watch", "--seconds", 30), "is a web page and not a")


@pytest.mark.parametrize(
    "address", ["https://www.youtube.com/watch?v=x", "https://youtu.be/x", "http://vimeo.com/1"]
)
def test_pages_of_known_sites_are_refused_unasked(address):
    with pytest.raises(WebPageError, match="yt-dlp -g ADDRESS"):
        check_possible(parse_address(address))
    check_possible(parse_address(address.replace("://", "://cam.example/")))
    check_possible(parse_address("rtsp://youtube.com/stream"))


def test_a_run_over_a_refused_address_says_so_at_its_end(run_cli, assert_refused):
    pytest.importorskip("av", reason="OpenCV does not say why an address does not open")
    result = run_cli("http://127.0.0.1:9/x", "--seconds", 1)

    assert_refused(result, "gave no frame within 1 s: No video comes from", "onnection refused")


def test_parameters_of_a_test_stream_are_no_secrets():
    with pytest.raises(SourceError, match=r"^test://moving-shapes takes .*, not 'secs'\.$"):
        parse_address("test://moving-shapes?secs=3")


@pytest.mark.parametrize("source", ["hf-hub:org/model", "yt:abc", "s3:bucket/clip.mp4"])
def test_what_looks_like_another_kind_of_address_is_refused_by_its_kind(source):
    kind = source.partition(":")[0]
    with pytest.raises(SourceError, match=f"There is no file .*and {kind}: is no kind of source"):
        parse_address(source)
