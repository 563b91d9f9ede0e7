"""Who takes a second look in which stream."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..decisions.policy import Policy
from ..errors import LabelError, StzsarError
from ..labels.labels import Label, LabelsOf
from ..recognizer import Recognizer
from ..sources.spec import SourceSpec
from .by_bundle import BundleJudge
from .judge import Judge
from .options import TIMEOUT_S, VerifyOptions
from .second_look import Watched

_MODEL_SHARE = 0.8


def open_judges(
    specs: Sequence[SourceSpec],
    options: VerifyOptions,
    recognizer: Recognizer,
    policy: Policy,
    *,
    engine: str,
    threads: int,
) -> dict[str, Watched]:
    """Return which events of each stream or region get a second look, by its name.

    Args:
        specs: the sources; what they say of a second look goes before the options.
        options: for the sources that say nothing.
        recognizer: whose labels are looked at.
        policy: of the run: the score that decides on a label decides in a second look, too.
        engine: see `Recognizer.load`.
        threads: see `Recognizer.load`.

    Raises:
        StzsarError: a bundle, an address or a label cannot be used, or a package is missing.
    """
    judges: dict[Path | str, Judge] = {}
    watched: dict[str, Watched] = {}
    for spec in specs:
        bundle = spec.verify or (None if spec.verify_llm else options.verify)
        address = spec.verify_llm or (None if spec.verify else options.verify_llm)
        names = spec.verify_labels or options.verify_labels
        if not (looks := bundle or address):
            if spec.verify_labels:
                raise LabelError(
                    f"The verify_labels of {spec.name} have no effect without a second look: give "
                    "it verify or verify_llm too."
                )
            continue
        _check_labels(names, recognizer.labels)
        if looks not in judges:
            judges[looks] = (
                BundleJudge(
                    bundle, partial(_labels_in_use, recognizer), engine=engine, threads=threads
                )
                if bundle
                else _model_judge(str(address), options)
            )
        watched[spec.name] = Watched(
            judge=judges[looks],
            threshold=spec.threshold or policy.score,
            labels=frozenset(names),
            region=spec.region,
        )
    if not watched:
        _check_idle(options)
    return watched


def _labels_in_use(recognizer: Recognizer) -> tuple[tuple[Label, ...], LabelsOf]:
    scorer = recognizer.scorer
    return tuple(one for one in scorer.labels if one.role != "context"), scorer.labels_of


def _model_judge(address: str, options: VerifyOptions) -> Judge:
    try:
        import openai  # noqa: F401  used by ChatModel

        from .by_model import ModelJudge
    except ImportError as error:
        raise StzsarError(
            "A second look by a language model needs the packages openai and httpx2: run pip "
            "install '.[verify]' in stzsar's folder."
        ) from error
    # The model's own time ends first: its reason says more.
    timeout_s = _MODEL_SHARE * (options.verify_timeout_s or TIMEOUT_S)
    return ModelJudge(address, options.verify_model, timeout_s=timeout_s)


def _check_labels(names: Sequence[str], labels: Sequence[Label]) -> None:
    known = {label.name for label in labels}
    for name in names:
        if name not in known:
            raise LabelError(
                f"A second look is asked for {name!r:.80}, which no stream has as a label: spell "
                "it as in the labels."
            )


def _check_idle(options: VerifyOptions) -> None:
    for option, value in (
        ("--verify-model", options.verify_model),
        ("--verify-label", options.verify_labels),
        ("--verify-timeout", options.verify_timeout_s),
    ):
        if value:
            raise StzsarError(
                f"{option} has no effect without a second look: give --verify or --verify-llm too."
            )
