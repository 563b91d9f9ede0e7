"""The fetch as a function: `fetch(FetchOptions(backbone=…))`."""

from dataclasses import dataclass
from pathlib import Path

from ..atomic import remove_leftovers
from ..bundle.bundle import RUNS, Bundle, sha256_of
from ..bundle.manifest import UNTRAINED_HEAD, WeightsOrigin
from ..documents import MIB, open_regular
from ..errors import StzsarError
from ..labels.label_files import labels_from
from ..labels.labels import Label
from ..labels.shipped import default_labels, with_shipped_attributes
from ..terminal.commandline import say
from ..terminal.progress import loading_progress, transfer_progress
from .card import write_card
from .catalogue import DEFAULT_BACKBONE, Weights, find_weights, weights_of_file
from .download import download
from .fill import FillRequest, fill_bundle
from .hub_bundle import fetch_bundle
from .options import FetchOptions, Precision
from .skeletons import read_skeleton


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A file of weights, and what is known about it.

    Attributes:
        path: the file.
        graphs: the backbone whose graphs it fills.
        weights: the entry of the catalogue; None for weights that it does not know.
        origin: for the manifest.
        run: the name of the run's folder.
    """

    path: Path
    graphs: str
    weights: Weights | None
    origin: WeightsOrigin
    run: str


def fetch(options: FetchOptions) -> Path:
    """Make a bundle of CLIP's weights, or download a ready one; return its folder.

    Weights are downloaded first if need be.

    Example:
        >>> fetch(FetchOptions(backbone="ViT-B-32"))  # doctest: +SKIP
        PosixPath('runs/ViT-B-32-openai/bundle-fp32')

    Raises:
        StzsarError: the weights cannot be had or used, their licence was not accepted, or the
            bundle cannot be written.
    """
    if options.ready:
        return fetch_bundle(options.ready, options.output, accept_licence=options.accept_licence)
    labels = labels_from(options.labels, "--labels") if options.labels else default_labels()
    precision = options.precision or _precision()
    source = _file(options.weights, options) if options.weights else _download(options, precision)
    labels = with_shipped_attributes(labels, tell=say)
    target = options.output or RUNS / source.run / f"bundle-{precision}"
    return _make(source, labels, precision, target)


def _make(source: _Source, labels: tuple[Label, ...], precision: Precision, target: Path) -> Path:
    remove_leftovers(target)
    request = FillRequest(
        backbone=source.graphs,
        precision=precision,
        weights=source.path,
        labels=labels,
        origin=source.origin,
    )
    try:
        with loading_progress() as (on_embedded, _):
            written = fill_bundle(request, target, tell=say, on_progress=on_embedded)
        bundle = Bundle.open(written)
        write_card(written, bundle.bank, source.weights and source.weights.licence)
    except OSError as error:
        raise StzsarError(
            f"Cannot write the bundle {target}: {error.strerror or error}. Make room there, or "
            "name another folder with --output."
        ) from error
    size = sum((written / name).stat().st_size for name in bundle.manifest.files)
    say(
        f"Wrote the bundle {written}: {precision}, {len(labels)} labels, {size / MIB:.1f} MiB. "
        f"Run it with: stzsar-run --bundle {written} --camera 0 --labels labels.txt"
    )
    return written


def _download(options: FetchOptions, precision: Precision) -> _Source:
    weights = find_weights(options.backbone or DEFAULT_BACKBONE, options.pretrained)
    if options.backbone is None:
        say(f"Fetching {weights.name}: small, fast on a CPU, and free to use for everybody.")
    read_skeleton(weights.graphs, precision)  # refused before it is downloaded for
    _check_licence(weights, accepted=options.accept_licence)
    with transfer_progress() as on_bytes:
        found = download(weights, options.revision or "", tell=say, on_bytes=on_bytes)
    if found.revision != weights.revision:
        say(f"Took the commit {found.revision}, which stzsar does not pin.")
    return _known(weights, found.path, found.sha256, found.revision)


def _file(path: Path, options: FetchOptions) -> _Source:
    """Return what is known of a file by its hash, or by what the user calls it."""
    try:
        with open_regular(path):
            pass
    except OSError as error:
        raise StzsarError(f"Cannot read the weights {path}: {error.strerror}.") from error
    sha256 = sha256_of(path)
    known = weights_of_file(sha256)
    if options.pretrained is not None:
        named = find_weights(options.backbone or "", options.pretrained)
        if named.sha256 and known is not named:
            raise StzsarError(
                f"{path} is not the file of {named.name}: its sha256 is {sha256}, and not "
                f"{named.sha256}. Copy it again, or leave --pretrained out for weights of your own."
            )
        known = named
    if known and options.backbone in (None, known.backbone, known.graphs):
        _check_licence(known, accepted=options.accept_licence)
        return _known(known, path, sha256, known.revision if known.sha256 else "")
    if options.backbone is None:
        raise StzsarError(
            f"{path} is no file that stzsar-fetch knows: name its backbone, such as stzsar-fetch "
            f"{DEFAULT_BACKBONE} --weights {path}."
        )
    say(f"The licence of {path} is not known to stzsar.")
    return _Source(
        path=path,
        graphs=options.backbone,
        weights=None,
        origin=WeightsOrigin(
            source=f"{options.backbone} ({path.name})", knows=UNTRAINED_HEAD, sha256=sha256
        ),
        run=f"{options.backbone}-{path.stem}",
    )


def _known(weights: Weights, path: Path, sha256: str, revision: str) -> _Source:
    origin = WeightsOrigin(
        source=weights.name,
        knows=UNTRAINED_HEAD,
        licence=weights.licence.name,
        url=weights.page,
        revision=revision,
        sha256=sha256,
    )
    return _Source(
        path=path,
        graphs=weights.graphs,
        weights=weights,
        origin=origin,
        run=f"{weights.backbone}-{weights.tag}",
    )


def _check_licence(weights: Weights, *, accepted: bool) -> None:
    """Show the licence, before anything is downloaded.

    Raises:
        StzsarError: it is for research only, and the user did not accept it.
    """
    licence = weights.licence
    say(f"The licence of {weights.name}: {licence.name}, {licence.url}")
    if licence.research_only and not accepted:
        raise StzsarError(
            f"The {licence.name} allows {weights.name} for research only: read it, and add "
            f"--accept-licence if you accept it, or take {DEFAULT_BACKBONE}, free for everybody."
        )


def _precision() -> Precision:
    """Return the precision for this machine, and say why where it is not fp32."""
    from ..engines.opening import gpu_in_use

    gpu = gpu_in_use()
    if gpu is None:
        return "fp32"
    say(f"Taking fp16, since {gpu} runs it faster. For a bundle of fp32, add --fp32.")
    return "fp16"
