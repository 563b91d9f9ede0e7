"""The import as a function: `import_checkpoint(ImportOptions(file=…))`."""

import os
from pathlib import Path

import torch
from torch import Tensor

from ...models.checkpoint import Checkpoint, save_checkpoint
from ...models.interpolation import check_related, interpolate_weights
from ...models.stzsar import STZSAR
from ...runtime.atomic import remove_leftovers, written_whole
from ...runtime.bundle.bundle import RUNS
from ...runtime.bundle.manifest import WeightsOrigin
from ...runtime.errors import BundleError, StzsarError
from ...runtime.labels.labels import Label
from ...runtime.labels.shipped import default_labels
from ...runtime.terminal.commandline import console, say
from .clip_towers import clip_towers
from .containers import OURS, drop_counters
from .descriptors import described_labels
from .families import AUTO, family_called, family_of
from .family import Choices, Family, ForeignFile, Keys, Reading
from .options import ImportOptions
from .ost import FAMILY as OST
from .reading import read_foreign
from .refused import refuse_unstreamable
from .transformers_clip import read_folder


def import_checkpoint(options: ImportOptions) -> Path:
    """Write a foreign checkpoint as one of ours, and return its folder.

    Example:
        >>> from pathlib import Path
        >>> import_checkpoint(ImportOptions(file=Path("vifi.pth"))).name  # doctest: +SKIP
        'vifi-clip-vifi'

    Raises:
        StzsarError: the file cannot be read or is of no family that streams, or an option does not
            apply to it.
    """
    with console.status(f"reading {options.file}"):
        file = _open(options.file)
        original = _open(options.original) if options.original else None
    family = _family(file, options)
    share = _share(family, options)
    target = options.output or RUNS / f"{family.name}-{options.file.stem}"
    target = Path(os.path.relpath(target))
    if target.exists():
        raise StzsarError(f"{target} already exists: remove it, or take another --output.")
    labels = _labels(options, family)
    keys = Keys(file)
    reading = family.read(keys, _choices(options, original))
    _refuse_left(keys, family)
    _report(file, family, keys, reading)
    tuned = build_network(reading, file)
    network = tuned if original is None else _mixed(tuned, original, share)
    described = Checkpoint(
        model=reading.config,
        labels=labels,
        sampling=reading.sampling,
        origin=_origin(family, file, original, share),
        step=0,
    )
    remove_leftovers(target)
    with written_whole(target) as staging:
        save_checkpoint(staging, described, network)
    view = "" if reading.view == OURS else f" --view {reading.view}"
    say(f"Wrote {target}. Test it: stzsar-eval {target} --data VIDEOS{view}")
    say(f"Export it: stzsar-export {target} --labels labels.txt")
    return target


def build_network(reading: Reading, file: ForeignFile) -> STZSAR:
    """Return the network of a reading, after its shapes were compared.

    Raises:
        BundleError: the tensors are not those of the network.
    """
    try:
        with torch.device("meta"):
            claimed = STZSAR(reading.config).state_dict()
    except Exception as error:  # nonsense fails anywhere in the modules
        raise BundleError(
            f"{file.path} describes no network that can be built: {error}."
        ) from error
    tensors = reading.tensors
    wrong = sorted(set(tensors) ^ set(claimed)) or [
        name for name, value in tensors.items() if value.shape != claimed[name].shape
    ]
    if wrong:
        raise BundleError(
            f"{file.path} does not fit together: {len(wrong)} tensors are missing or have another "
            f"shape, the first is {wrong[0]!r:.120}."
        )
    found = {name: value.float() for name, value in tensors.items()}
    broken = next((name for name, value in found.items() if not value.isfinite().all()), None)
    if broken is not None:
        raise BundleError(f"{file.path} holds numbers that are not finite in {broken!r:.120}.")
    network = STZSAR(reading.config)
    network.load_state_dict(found)
    return network.eval()


def _open(path: Path) -> ForeignFile:
    return read_folder(path) if path.is_dir() else read_foreign(path)


def _family(file: ForeignFile, options: ImportOptions) -> Family:
    if options.family == AUTO:
        family = family_of(file)
        say(f"{file.path} is of {family.title}, by its keys.")
    else:
        refuse_unstreamable(file)
        family = family_called(options.family)
    if options.descriptors is not None and family is not OST:
        raise StzsarError(
            f"--descriptors works with {OST.name}, and {file.path} is of {family.title}."
        )
    return family


def _share(family: Family, options: ImportOptions) -> float:
    """Return the share of the file's own weights."""
    share = family.share if options.share is None else options.share
    if share is not None and share < 1 and options.original is None:
        raise StzsarError(
            f"{family.title}'s authors test with {share:g} of its weights and {1 - share:g} of "
            "CLIP's: name CLIP's file with --with FILE, or take the weights alone with --mix 1."
        )
    return 1.0 if share is None else share


def _choices(options: ImportOptions, original: ForeignFile | None) -> Choices:
    return Choices(
        frames=options.frames,
        rate_fps=options.rate_fps,
        prompts=options.prompts,
        activation=options.activation,
        original=original.tensors if original else None,
    )


def _labels(options: ImportOptions, family: Family) -> tuple[Label, ...]:
    if options.descriptors is None or options.classes is None:
        if family is OST:
            say("Without --descriptors, labels are matched by the attributes that they have.")
        return default_labels()
    return described_labels(*options.descriptors, options.classes)


def _refuse_left(keys: Keys, family: Family) -> None:
    left = keys.left()
    if left:
        raise BundleError(
            f"{keys.file.path} has {len(left)} tensors that {family.title} does not have, the "
            f"first is {left[0]!r:.120}: name its own family, if it is of another."
        )


def _report(file: ForeignFile, family: Family, keys: Keys, reading: Reading) -> None:
    vision, head = reading.config.vision, reading.config.head
    say(
        f"{family.title}: {vision.image_px} px in patches of {getattr(vision, 'patch_px', '?')}, "
        f"embeddings of {reading.config.dim}, {reading.sampling.frames} frames, "
        f"prompt {' | '.join(reading.config.prompts):.200}, exp(γ) {head.initial_scale:.4g}."
    )
    for why in dict.fromkeys(keys.dropped.values()):
        names = [name for name, reason in keys.dropped.items() if reason == why]
        more = "" if len(names) == 1 else f" and {len(names) - 1} more"
        say(f"Leaving out {names[0]}{more}: {why}.")
    if file.other:
        say(f"Leaving out what is not weights: {', '.join(file.other):.200}.")


def _mixed(tuned: STZSAR, clip: ForeignFile, share: float) -> STZSAR:
    """Return the mixture of the tuned network and of CLIP; temporal layers stay as trained."""
    keys = Keys(clip)
    drop_counters(keys)
    towers = clip_towers(keys)
    weights: dict[str, Tensor] = {name: value.float() for name, value in towers.tensors.items()}
    whole = {**tuned.state_dict(), **weights}
    original = STZSAR(tuned.config)
    try:
        original.load_state_dict(whole)
    except RuntimeError as error:
        raise BundleError(
            f"{clip.path} is another CLIP than the one that was tuned, its sizes differ: name that "
            "one with --with."
        ) from error
    check_related(original, tuned, str(clip.path), option="--with")
    if share < 1:
        say(f"Mixing {share:g} of its weights with {1 - share:g} of {clip.path}.")
        tuned.load_state_dict(interpolate_weights(original, tuned, share))
    return tuned


def _origin(
    family: Family, file: ForeignFile, original: ForeignFile | None, share: float
) -> WeightsOrigin:
    source = f"{family.title} ({file.path.name})"
    if original is not None and share < 1:
        source = f"{share:g} of {source} and {1 - share:g} of CLIP ({original.path.name})"
    return WeightsOrigin(
        source=source, knows=family.knows, licence=family.licence, url=family.source
    )
