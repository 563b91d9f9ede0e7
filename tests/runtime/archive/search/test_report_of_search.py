"""`stzsar-archive search --html`: the moments of a search, in a report."""

from click.testing import CliRunner

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.command.archive.cli import main


def test_a_search_writes_a_report_of_what_it_found(bundle, new_archive, random_frames, tmp_path):
    tiny = Bundle.open(bundle)
    archive = new_archive(tiny)
    archive.add("hall", random_frames(tiny, 40, 4), clock=1_796_000_000.0)
    label, report = "red", tmp_path / "out" / "report.html"
    done = CliRunner().invoke(
        main,
        ["search", str(archive.folder), label, "--bundle", str(bundle), "--html", str(report)],
    )
    assert done.exit_code == 0, done.output
    html = report.read_text("utf-8")
    assert "<svg" in html
    assert "hall" in html
    assert "Searched 40 frames" in html
