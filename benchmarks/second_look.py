"""python -m stzsar.benchmarks.second_look: false events and found actions, with a second look.

The sites are those of false_alarms: MovingShapes plays them, and the labels are unseen classes of
five of its ten things. A small bundle watches, by its score alone; a larger one looks at each of
its events before it is told. What a question to a language model costs is measured with a server on
this machine that answers at once: the path, without the model.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.decisions.events import Decider
from ..runtime.decisions.policy import Policy
from ..runtime.events.ring import Picture
from ..runtime.events.stills import encoded
from ..runtime.recognizer import Recognizer
from ..runtime.results import ActionEvent
from ..runtime.verify.by_bundle import BundleJudge
from ..runtime.verify.by_model import ModelJudge, messages_of
from ..runtime.verify.judge import Judge, Question
from .false_alarms import Contest, count_found
from .site_footage import ACTIONS, SITES, Shown, Site, mixed, ordinary, see
from .tools.command import benchmark, bundle_option, count_option
from .tools.tables import markdown, median_and_range
from .tools.timing import machine

_SIZE_HW = 1080, 1920
_LEAST_HOURS = 0.05


@dataclass(frozen=True, kw_only=True)
class Options:
    """What watches and what looks again, and how much footage to generate."""

    bundle: Path | None = None
    verify: Path | None = None
    hours: float = 1.0
    actions: int = 120
    sites: tuple[Site, ...] = SITES
    looks: int = 20


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a site gives without a second look, and with one."""

    site: str
    hours: float
    false: tuple[int, int]  # events in ordinary footage, as watched and as told
    actions: int
    found: tuple[int, int]  # of the actions, as watched and as told


@benchmark(usual=Options(), quick=Options(hours=_LEAST_HOURS, actions=3, sites=SITES[:1], looks=2))
@bundle_option(help_text="Watch with this bundle.")
@cloup.option(
    "--verify", type=click.Path(path_type=Path), show_default="the one that ships",
    help="Look again with this bundle.",
)  # fmt: skip
@cloup.option(
    "--hours", metavar="H", type=click.FloatRange(min=_LEAST_HOURS), show_default="1",
    help="Generate H hours of ordinary footage for each site.",
)  # fmt: skip
@count_option("--actions", Options.actions, "Show N actions between ordinary ones.")
@count_option("--looks", Options.looks, "Time N looks of each kind.")
def main(options: Options) -> None:
    """Count false events and found actions with and without a second look, and time one."""
    click.echo(table([measure_site(site, options) for site in options.sites]))
    click.echo(f"\nOne look at pictures of 1080p; {machine()}, one thread:\n")
    click.echo(cost_table(options))


def measure_site(site: Site, options: Options) -> Row:
    """Watch ordinary footage and actions with the small bundle, and look again with the other."""
    small, large = (_load(path or shipped_bundle()) for path in (options.bundle, options.verify))
    calm = ordinary(site, 3600 * options.hours, seed=1)
    shown = mixed(site, options.actions, seed=2)
    alarms, told = watch(small, large, calm)
    found, told_found = watch(small, large, shown)
    return Row(
        site=site.name,
        hours=calm[-1].end_s / 3600,
        false=(len(alarms), len(told)),
        actions=options.actions,
        found=(count_found(shown, found), count_found(shown, told_found)),
    )


def watch(
    small: Recognizer, large: Recognizer, footage: Sequence[Shown]
) -> tuple[list[ActionEvent], list[ActionEvent]]:
    """Return the ends of all events, and of those that the larger bundle lets be told.

    The pictures of an event are those of the window that led to its report.
    """
    seen, again = see(small.scorer, footage), see(large.scorer, footage)
    contest = Contest.of(small, small.labels, seen.scale)
    second = Contest.of(large, large.labels, again.scale)
    decider, policy = Decider(Policy(), "site"), Policy()
    all_ends: list[ActionEvent] = []
    told: list[ActionEvent] = []
    is_told = False
    for end_s, first, other in zip(seen.ends_s, seen.similarities, again.similarities, strict=True):
        for event in decider.follow(contest.result(end_s, first))[1]:
            if event.event == "start":
                best = second.result(end_s, other).top[0]
                is_told = best.label == event.label and best.score >= policy.score
            else:
                all_ends.append(event)
                told += [event] if is_told else []
    for event in decider.finish():
        all_ends.append(event)
        told += [event] if is_told else []
    return all_ends, told


def _load(path: Path) -> Recognizer:
    return Recognizer.load(Bundle.open(path), [action.label for action in ACTIONS], threads=1)


def table(rows: Sequence[Row]) -> str:
    cells = [
        (
            row.site,
            *(f"{count / row.hours:.1f}" for count in row.false),
            *(f"{100 * count / row.actions:.0f}" for count in row.found),
        )
        for row in rows
    ]
    head = ("site", "false events an hour", "told", "actions found, %", "told, %")
    return markdown(head, cells)


def cost_table(options: Options) -> str:
    """Time looks at pictures of 1080p."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (27, 48, 3)).astype(np.uint8)
    image = np.kron(coarse, np.ones((40, 40, 1), np.uint8))
    image = (image + rng.integers(0, 8, (*_SIZE_HW, 1))).astype(np.uint8)
    jpeg = encoded(image)
    labels = tuple(action.label for action in ACTIONS)
    by_bundle = BundleJudge(
        options.verify or shipped_bundle(), lambda: (labels, {}), engine="auto", threads=1
    )
    server = _Parrot()
    try:
        by_model = ModelJudge(server.url, "parrot", timeout_s=30)
        rows = [
            (by_bundle.name, _times(by_bundle, jpeg, options.looks), "–"),
            (
                "the path to a language model",
                _times(by_model, jpeg, options.looks),
                f"{len(json.dumps(messages_of(_question(by_model, jpeg)))) / 1024:.0f}",
            ),
        ]
    finally:
        server.close()
    return markdown(("who looks", "ms of CPU", "KiB sent"), rows)


def _question(judge: Judge, jpeg: bytes) -> Question:
    pictures = tuple(Picture(n, -back, jpeg) for n, back in enumerate(judge.back_s))
    return Question(ACTIONS[0].label.name, "site", None, 0.5, pictures)


def _times(judge: Judge, jpeg: bytes, looks: int) -> str:
    question, times_ms = _question(judge, jpeg), []
    judge.judge(question)  # a warm-up
    for _ in range(looks):
        start_s = time.process_time()
        judge.judge(question)
        times_ms.append(1000 * (time.process_time() - start_s))
    return median_and_range(times_ms)


class _Parrot:
    """A chat endpoint that says yes at once."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                text = json.dumps({"answer": "yes", "sentence": "It is."})
                choice = {"index": 0, "message": {"role": "assistant", "content": text},
                          "finish_reason": "stop"}  # fmt: skip
                body = json.dumps({"choices": [choice]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    main()
