"""Teaching: examples and ordinary footage to a calibration, for `stzsar-run --calibration`."""

from functools import partial
from pathlib import Path

import numpy as np

from ..errors import CalibrationError, SourceError
from ..hidden_files import is_hidden
from ..labels.labels import actions
from ..labels.names import name_key, nearest_hint
from ..sources.spec import SourceSpec, specs_of
from ..sources.uri import expand_sources
from ..teaching.teach import Teacher
from ..terminal.outputs import check_outputs
from ..video.pictures import picture_files
from .calibrate import tell
from .loading import load_recognizer, open_bundle
from .options import TeachOptions
from .reading import files_read, footage_from, stream_options
from .seeing import see


def teach(options: TeachOptions) -> None:
    """Write a calibration that examples taught.

    Raises:
        StzsarError: something cannot be read or used, or the file cannot be written.
    """
    bundle = open_bundle(options)
    sampled = stream_options(bundle.manifest, options)
    labels = options.read_labels() or bundle.bank.labels
    clips = _clips_of(options, [label.name for label in actions(labels)])
    examples = [spec for specs in clips.values() for spec in specs]
    ordinary = footage_from(options.footage, options, quiet=options.quiet, beside=examples)
    read = {
        options.label_file: "the label file",
        options.ignore_file: "the file to ignore",
        **files_read(ordinary),
        **files_read(examples),
    }
    check_outputs(written=[options.output], read=read, bundle=bundle.path)
    recognizer = load_recognizer(
        bundle,
        labels,
        options,
        ignore=options.read_ignored(),
        context=bundle.bank.labels,
        top_k=1,
    )
    # Nothing goes to stdout, as if there were a file for it.
    look = partial(see, recognizer, options=options, sampled=sampled, output=options.output)
    calm = look(ordinary, quiet=options.quiet)
    shown = {
        name: [
            np.stack(rows)
            for spec in specs
            for _, rows in look([spec], quiet=True).of_source.values()
        ]
        for name, specs in clips.items()
    }
    teacher = Teacher(
        recognizer.labels,
        calm,
        shown,
        manifest=bundle.manifest,
        policy=options.policy,
        sampling=sampled.sampling(bundle.manifest),
    )
    found = teacher.thresholds(options.false_alarms_per_day)
    found.write(options.output)
    tell(found, str(options.output))


def _clips_of(options: TeachOptions, names: list[str]) -> dict[str, tuple[SourceSpec, ...]]:
    """Return the clips in each label's folder; a folder of pictures is one.

    Raises:
        CalibrationError: a folder has the name of no label, or there are no folders.
        SourceError: a folder holds no clip.
    """
    folder = options.examples
    if folder is None:
        return {}
    if not folder.is_dir():
        raise CalibrationError(
            f"{folder} is no folder: give one that holds a folder of clips for each label."
        )
    by_key = {name_key(name): name for name in names}
    clips: dict[str, tuple[SourceSpec, ...]] = {}
    for own in sorted(path for path in folder.iterdir() if path.is_dir()):
        if name_key(own.name) not in by_key:
            raise CalibrationError(
                f"{own} has the name of no label{nearest_hint(own.name, names)}: call each folder "
                "of examples like its label."
            )
        found = sorted(str(path) for path in own.iterdir() if not is_hidden(path.name))
        uris = expand_sources(one for one in found if Path(one).is_file() or picture_files(one))
        if not uris:
            raise SourceError(f"{own} holds no clip: put one in, or remove the folder.")
        clips[by_key[name_key(own.name)]] = specs_of(uris, frame_rate=options.frame_rate)
    if not clips:
        raise CalibrationError(f"{folder} has no folder with the name of a label: make one.")
    return clips
