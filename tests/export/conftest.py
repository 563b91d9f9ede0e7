"""Bundles of a small random network, exported once for all tests of the folder."""

import pytest

from stzsar.export.calibration import Calibration
from stzsar.export.parity import draw_images
from stzsar.export.write_bundle import BundleRequest, write_bundle
from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from stzsar.runtime.labels.labels import Label

LABELS = (
    Label("swing (bat)", "swing", ("bat", "ball")),
    Label("swing (seat)", "swing", ("rope", "seat", "playground")),
    Label("archery"),
    Label("playing the guitar", attributes=("strings", "hands", "wooden body", "fretboard")),
)


@pytest.fixture(scope="session", autouse=True)
def _traced_once(traced_once):
    """Traces the same network once for all tests of the folder."""


@pytest.fixture(scope="session")
def calibration():
    """64 drawn pictures for the 32 px networks, in two heaps."""
    images = draw_images(64, 32)
    return Calibration("drawn pictures", images[::2], images[1::2])


@pytest.fixture(scope="session")
def make_request(make_network, calibration):
    def make(*, precision="fp32", text_encoder=True, **switches):
        return BundleRequest(
            network=make_network(**switches),
            labels=LABELS,
            sampling=SamplingSpec(frames=4, rate_fps=4.0),
            origin=WeightsOrigin(source="a test", knows="nothing"),
            precision=precision,
            text_encoder=text_encoder,
            calibration=calibration if precision == "int8" else None,
        )

    return make


@pytest.fixture(scope="session")
def exported(make_request, tmp_path_factory):
    """Returns (bundle folder, network) for the switches; the same ones are exported once."""
    done = {}

    def export(**switches):
        key = tuple(sorted({"precision": "fp32", **switches}.items()))
        if key not in done:
            request = make_request(**switches)
            target = tmp_path_factory.mktemp("bundles") / "bundle"
            write_bundle(request, target)
            done[key] = (target, request.network)
        return done[key]

    return export


@pytest.fixture(scope="session")
def exported_backbone(backbones, tmp_path_factory):
    """Returns (fp32 bundle, network) of a backbone of `backbones.py`; each is exported once."""
    done = {}

    def export(name):
        if name not in done:
            folder = tmp_path_factory.mktemp("backbones")
            network, _ = backbones.load(name, folder, interaction="product", temperature=0.1)
            request = BundleRequest(
                network=network,
                labels=LABELS,
                sampling=SamplingSpec(frames=4, rate_fps=4.0),
                origin=WeightsOrigin(source="a test", knows="nothing"),
                precision="fp32",
                text_encoder=True,
            )
            write_bundle(request, folder / "bundle")
            done[name] = folder / "bundle", network
        return done[name]

    return export
