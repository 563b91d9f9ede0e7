"""The options of stzsar-attributes and of its check."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...runtime.errors import StzsarError
from ...runtime.labels.label_files import LabelsLike, label_source

WIKIS = ("wikipedia", "wiktionary")


@dataclass(frozen=True, kw_only=True)
class AttributesOptions:
    """What to make attributes for, from what, and where to write them."""

    labels: LabelsLike  # a label file, or what it may hold
    output: Path | None = None  # file of the bank; None only with `dry_run`
    overwrite: bool = False  # replace the bank that is there
    dry_run: bool = False  # say what would be fetched and asked, and do none of it
    sources: tuple[str, ...] = WIKIS  # wikis, addresses with {label}, folders
    language: str = "en"  # code of the labels' language
    contact: str | None = None  # mail address or URL that sites are told
    delay_s: float = 1.0  # seconds between two requests to one site
    cache: Path | None = None  # folder of pages and answers; None is the user's cache folder
    llm: Literal["chat", "none"] = "chat"  # ask a chat model, or take keywords with YAKE
    llm_url: str = "http://localhost:11434/v1"  # OpenAI-compatible; this is Ollama's
    llm_model: str | None = None  # its model; None takes the first that it lists
    llm_timeout_s: float = 120.0  # limit of one answer
    bundle: Path | None = None  # counts tokens and orders attributes with its text encoder
    parallel: int = 4  # labels that are worked on at once

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            StzsarError: the bank cannot be written, or the contact cannot be sent.
        """
        object.__setattr__(self, "labels", label_source(self.labels))
        if self.contact and re.search(r"[^\x21-\x7e]|[()\\]", self.contact):
            raise StzsarError(f"--contact {self.contact!r:.80} is not a mail address or URL.")
        if (self.output is None) != self.dry_run:
            raise StzsarError("Say where to write the bank: --output attributes.json or --dry-run.")
        if self.output is not None:
            file = self.labels if isinstance(self.labels, Path) else None
            _check_output(self.output, file, overwrite=self.overwrite)

    @property
    def reads_the_web(self) -> bool:
        return any("://" in name or name in WIKIS for name in self.sources)


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Which bank to check: its file, its language, and a bundle that counts tokens."""

    bank: Path
    language: str = "en"
    bundle: Path | None = None


def _check_output(output: Path, labels: Path | None, *, overwrite: bool) -> None:
    if labels and output.exists() and labels.exists() and output.samefile(labels):
        raise StzsarError(f"{output} is the file of the labels: name another --output.")
    if output.is_dir() or not output.parent.is_dir():
        raise StzsarError(f"Cannot write {output}: name a file in a folder that exists.")
    if output.exists() and not output.is_file():
        raise StzsarError(f"{output} is not a regular file: name another --output.")
    if output.exists() and not overwrite:
        raise StzsarError(
            f"{output} exists, and may have been edited: name another file, or add --overwrite."
        )
    try:  # before the work, which may take hours
        with tempfile.TemporaryFile(dir=output.resolve().parent):
            pass
    except OSError as error:
        raise StzsarError(
            f"Cannot write {output} ({error.strerror}): name a file in another folder."
        ) from error
