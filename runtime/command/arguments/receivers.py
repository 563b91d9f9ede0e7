"""The command-line options of receivers, which hear of events: webhooks, brokers, services."""

from pathlib import Path

import click
import cloup

_PATH = click.Path(path_type=Path)

RECEIVERS = cloup.option_group(
    "Receivers",
    cloup.option(
        "--webhook",
        metavar="URL",
        help="POST events and stream states to a URL; they wait in a bounded queue while it does "
        "not answer",
    ),
    cloup.option(
        "--webhook-secret",
        metavar="FILE",
        type=_PATH,
        show_default="$STZSAR_WEBHOOK_SECRET",
        help="Sign posts with the secret in a file",
    ),
    cloup.option("--webhook-results", is_flag=True, help="Post every result too"),
    cloup.option(
        "--webhook-form",
        type=click.Choice(["json", "ntfy", "slack", "discord"]),
        show_default="json",
        help="Post in the form that ntfy, Slack or Discord take; Mattermost takes Slack's",
    ),
    cloup.option(
        "--webhook-still",
        metavar="attached|base64|URL",
        help="Post the picture of an event: as a file, in the JSON, or as a link below URL, where "
        "the folder of --events is served",
    ),
    cloup.option(
        "--notify",
        metavar="URL",
        multiple=True,
        help="Tell people by one of the services of Apprise when an action starts: mailto://…, "
        "tgram://…; needs the extra [notify]. Repeat it for more",
    ),
    cloup.option(
        "--mqtt",
        metavar="URL",
        help="Publish to mqtt[s]://[user@]host[:port]/topic; STZSAR_MQTT_PASSWORD may hold the "
        "password",
    ),
    cloup.option(
        "--mqtt-ca",
        metavar="FILE",
        type=_PATH,
        show_default="the system's",
        help="Check the broker's certificate with these authorities",
    ),
    cloup.option(
        "--mqtt-discovery",
        metavar="TOPIC",
        help="Announce the streams to Home Assistant below TOPIC, which is homeassistant unless "
        "you changed it there",
    ),
)

OF_RECEIVERS = (
    "webhook", "webhook_secret", "webhook_results", "webhook_form", "webhook_still", "notify",
    "mqtt", "mqtt_ca", "mqtt_discovery",
)  # fmt: skip
