"""Opens the sinks that the options name."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..errors import StzsarError
from ..results import ActionEvent
from ..sinks.jsonl import JsonLines
from ..sinks.queued import SinkCounters
from ..sinks.sink import Fanout, Sink
from ..sinks.stills import Still
from ..sinks.videos import AnnotatedVideos, VideoPlan
from .filters import EVERYTHING, Filter
from .forms import Form
from .plans import SinkPlan, SinkType, Told, open_plan

DEFAULT_METRICS_HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class SinkOptions:
    """Where the results of a run go.

    Attributes:
        output: file of the JSON lines; None is stdout.
        json: write the JSON lines to stdout also where that is a terminal.
        only_events: leave results out of the JSON lines, and of the lines in a terminal.
        show: open a window.
        webhook: address to post messages to.
        webhook_secret: file of the secret that signs them; without it the environment's
            STZSAR_WEBHOOK_SECRET, if that is set.
        webhook_results: post results too.
        webhook_form: the form of posts; None is the JSON of the lines.
        webhook_still: how posts have the picture of an event: "attached", "base64", or the base of
            an address; None sends none.
        notify: addresses of services for people, as Apprise has them.
        mqtt: address of a broker; its password may be in the environment's STZSAR_MQTT_PASSWORD.
        mqtt_ca: file of the authorities that verify the broker's certificate.
        mqtt_discovery: first level of the topics with which Home Assistant finds the streams; None
            announces nothing.
        metrics: port or `host:port` to serve metrics on.
    """

    output: Path | None = None
    json: bool = False
    only_events: bool = False
    show: bool = False
    webhook: str | None = None
    webhook_secret: Path | None = None
    webhook_results: bool = False
    webhook_form: Form | None = None
    webhook_still: str | None = None
    notify: Sequence[str] = ()
    mqtt: str | None = None
    mqtt_ca: Path | None = None
    mqtt_discovery: str | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        """Refuse options that would do nothing.

        Raises:
            StzsarError: an option belongs to another that is not given.
        """
        check_json(output=self.output, json=self.json)
        if isinstance(self.notify, str):
            object.__setattr__(self, "notify", (self.notify,))
        for name, given, needed, there in (
            ("--webhook-secret", self.webhook_secret, "--webhook", self.webhook),
            ("--webhook-results", self.webhook_results, "--webhook", self.webhook),
            ("--webhook-form", self.webhook_form, "--webhook", self.webhook),
            ("--webhook-still", self.webhook_still, "--webhook", self.webhook),
            ("--mqtt-ca", self.mqtt_ca, "--mqtt", self.mqtt),
            ("--mqtt-discovery", self.mqtt_discovery, "--mqtt", self.mqtt),
        ):
            if given and not there:
                raise StzsarError(f"{name} requires {needed}: give that too, or leave it out.")
        _ = self.receivers

    @property
    def receivers(self) -> tuple[SinkPlan, ...]:
        """The receivers of the command line: a webhook, services and a broker."""
        plans = []
        if self.webhook:
            form: SinkType = "webhook" if self.webhook_form in (None, "json") else self.webhook_form
            plan = SinkPlan(
                type=form,
                url=self.webhook,
                secret=self.webhook_secret,
                still=self.webhook_still,
                asks_environment=True,
            )
            wanted = Filter(send=EVERYTHING) if self.webhook_results else plan.wanted
            plans.append(replace(plan, wanted=wanted))
        plans += [SinkPlan(type="apprise", url=url) for url in self.notify]
        if self.mqtt:
            plans.append(
                SinkPlan(
                    type="mqtt",
                    url=self.mqtt,
                    ca=self.mqtt_ca,
                    discovery=self.mqtt_discovery,
                    asks_environment=True,
                )
            )
        return tuple(plans)


class KeepsStills(Sink, Protocol):
    """A sink that has the pictures of the events that were put into it."""

    def still_of(self, event: ActionEvent, /) -> Still | None:
        """Return the picture of an event that `put` has just had."""
        ...


def check_json(*, output: Path | None, json: bool) -> None:
    """Refuse to write JSON lines to two places.

    Raises:
        StzsarError: both are asked for.
    """
    if json and output:
        raise StzsarError(
            f"--json writes the JSON lines to stdout, and --output to {output}: leave one out."
        )


def open_sinks(
    options: SinkOptions,
    *,
    on_quit: Callable[[], None],
    lines: bool = True,
    live: bool = False,
    videos: Mapping[str, VideoPlan] | None = None,
    keeper: Callable[[], KeepsStills] | None = None,
    receivers: Sequence[SinkPlan] = (),
    told: Told | None = None,
    counters: Callable[[], Mapping[str, Mapping[str, int]]] = dict,
) -> "OpenSinks":
    """Open the sinks, before anything is decoded.

    Args:
        options: which sinks.
        on_quit: called from another thread when somebody closes the window.
        lines: write JSON lines; a terminal may show results otherwise.
        live: a source is live, so lines wait in a queue for a slow reader, and results may be left
            out. Over files alone, the run waits for its reader.
        videos: annotated video of each source, by its name.
        keeper: opens what keeps events.
        receivers: who is told besides those that the options name.
        told: what they may need of the run.
        counters: returns the counters of each stream, for the metrics.

    Raises:
        StzsarError: a sink cannot be used; those that were opened are closed again.
    """
    sinks: list[Sink] = []
    receivers, told = (*options.receivers, *receivers), told or Told()
    try:
        # The lines come first: an output that is refused is refused before a broker hears of it.
        if lines:
            sinks.append(
                JsonLines(
                    options.output,
                    complete=not live,
                    only_events=options.only_events,
                    keep_trying=bool(receivers),
                )
            )
        if videos:
            sinks.append(AnnotatedVideos(videos))
        if keeper:
            # Before those that send its pictures.
            kept = keeper()
            sinks.append(kept)
            told = replace(told, still_of=kept.still_of)
        if options.show:
            from ..sinks.window import LiveWindow

            sinks.append(LiveWindow(on_quit))
        for plan in receivers:
            sinks.append(open_plan(plan, told))
        return _with_metrics(options.metrics, sinks, counters)
    except BaseException:
        for sink in sinks:
            with suppress(Exception):  # the first reason is the one to say
                sink.close(0.5)
        raise


class OpenSinks(Fanout):
    """All sinks of a run, as one.

    Attributes:
        observe_round: takes the seconds and the frames of a batch, for the metrics.
        metrics_port: port of the metrics; None if they are not served.
    """

    def __init__(
        self, sinks: list[Sink], observe_round: Callable[[float, int], None], port: int | None
    ) -> None:
        super().__init__(sinks)
        self.observe_round = observe_round
        self.metrics_port = port


def sink_counters(sinks: list[Sink]) -> dict[str, SinkCounters]:
    """Return the counters of the sinks that count messages, by name."""
    found = {sink.name: getattr(sink, "counters", None) for sink in sinks}
    return {name: counters for name, counters in found.items() if counters is not None}


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `9100`, `0.0.0.0:9100` or `[::]:9100`.

    Raises:
        StzsarError: it is not one of these.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else DEFAULT_METRICS_HOST
    if not (port.isascii() and port.isdecimal()) or len(port) > 5 or int(port) > 65535 or not host:
        raise StzsarError(f"--metrics takes a port or HOST:PORT, such as 9100, not {text!r:.80}.")
    return host, int(port)


def _with_metrics(
    listen: str | None,
    sinks: list[Sink],
    counters: Callable[[], Mapping[str, Mapping[str, int]]],
) -> OpenSinks:
    if listen is None:
        return OpenSinks(sinks, lambda _seconds, _batch: None, None)
    try:
        from ..sinks.prometheus import PrometheusMetrics
    except ImportError as error:
        raise StzsarError(
            "--metrics needs the packages prometheus-client and waitress: run pip install "
            "'.[sinks]' in stzsar's folder."
        ) from error

    host, port = parse_listen(listen)
    metrics = PrometheusMetrics(
        port, host=host, counters=counters, sinks=lambda: sink_counters(sinks)
    )
    return OpenSinks([*sinks, metrics], metrics.observe_round, metrics.port)
