"""The command-line options of kept events."""

from pathlib import Path

import click
import cloup

EVENTS = cloup.option_group(
    "Events kept",
    cloup.option(
        "--events",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Keep events in a folder, each with a still and a clip; stzsar-events lists them",
    ),
    cloup.option(
        "--before",
        "before_s",
        metavar="S",
        type=click.FloatRange(0, 60),
        show_default="5",
        help="Begin a clip S seconds ahead of its event",
    ),
    cloup.option(
        "--after",
        "after_s",
        metavar="S",
        type=click.FloatRange(0, 60),
        show_default="5",
        help="End a clip S seconds behind its event",
    ),
    cloup.option(
        "--clip-rate",
        "clip_rate_fps",
        metavar="FPS",
        type=click.FloatRange(1, 60),
        show_default="10",
        help="Keep FPS pictures a second for clips",
    ),
    cloup.option(
        "--clip-memory",
        "clip_memory_mib",
        metavar="MIB",
        type=click.FloatRange(min=1),
        show_default="256",
        help="Hold the last pictures of all streams in MIB of memory",
    ),
    cloup.option(
        "--keep",
        metavar="KIND=LIMIT",
        multiple=True,
        show_default="all, while the disk has room",
        help="Remove the oldest clips, stills or records beyond an age or a size: clips=7d, "
        "clips=20GiB, records=365d. Repeat it for more limits",
    ),
)

VERIFY = cloup.option_group(
    "A second look",
    cloup.option(
        "--verify",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="Have a larger bundle score the pictures of an event before it is told; one that it "
        "does not see stays in the store of --events alone",
    ),
    cloup.option(
        "--verify-llm",
        metavar="URL",
        help="Ask a vision model about them instead, behind an OpenAI-compatible address that ends "
        "in /v1; STZSAR_LLM_KEY may hold the key",
    ),
    cloup.option(
        "--verify-model",
        metavar="NAME",
        show_default="the first that the server lists",
        help="Ask this model",
    ),
    cloup.option(
        "--verify-label",
        "verify_labels",
        metavar="LABEL",
        multiple=True,
        show_default="all",
        help="Look again at events with this label only. Repeat it for more",
    ),
    cloup.option(
        "--verify-timeout",
        "verify_timeout_s",
        metavar="S",
        type=click.FloatRange(1, 600),
        show_default="30",
        help="Tell an event as unverified after S seconds without an answer",
    ),
)

OF_EVENTS = (
    "events", "before_s", "after_s", "clip_rate_fps", "clip_memory_mib", "keep", "verify",
    "verify_llm", "verify_model", "verify_labels", "verify_timeout_s",
)  # fmt: skip
