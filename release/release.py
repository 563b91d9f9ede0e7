"""Builds a release, checks it, and writes its notes: `python release/release.py VERSION`.

Nothing is published here: that does .github/workflows/release.yml, with what this wrote, when the
tag is pushed. `--rehearse` goes through all of it with a tree that is not committed, and with a
version whose section of CHANGELOG.md has no date yet.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
_SHOWN = 12  # last lines of a command that fails


class ReleaseError(Exception):
    """Why there is no release, in one sentence."""


def main(words: Sequence[str]) -> None:
    """Build, check, sign and describe a release below `--output`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    parser.add_argument("--rehearse", action="store_true", help="allow what is not committed yet")
    parser.add_argument("--pythons", default=",".join(PYTHONS), help="comma-separated versions")
    given = parser.parse_args(words)
    notes = check(ROOT, given.version, rehearse=given.rehearse)
    shutil.rmtree(given.output, ignore_errors=True)
    given.output.mkdir(parents=True)
    files = build(given.output, given.version)
    for version in given.pythons.split(","):
        say(run_on(version, given.output / f"stzsar-{given.version}-py3-none-any.whl"))
    sums = given.output / "SHA256SUMS"
    digests = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
    sums.write_text("\n".join(digests) + "\n")
    for line in sign([*files, sums]):
        say(line)
    (given.output / "NOTES.md").write_text(notes)
    say(f"{given.output} holds the release {given.version}.")


def check(root: Path, version: str, *, rehearse: bool = False) -> str:
    """Return the notes of a version; refuse one that the repository does not agree with.

    Raises:
        ReleaseError: pyproject.toml or __init__.py has another version, CHANGELOG.md has none of
            it or no date for it, or git has changes that are not committed.
    """
    stated = {
        "pyproject.toml": re.search(r'^version = "(.+)"$', _read(root, "pyproject.toml"), re.M),
        "__init__.py": re.search(r'^__version__ = "(.+)"$', _read(root, "__init__.py"), re.M),
    }
    for name, found in stated.items():
        if not found or found[1] != version:
            raise ReleaseError(f"{name} has version {found and found[1]}, not {version}.")
    headline, notes = section(_read(root, "CHANGELOG.md"), version)
    if not rehearse and not re.search(r"\(\d{4}-\d\d-\d\d\)$", headline):
        raise ReleaseError(f"CHANGELOG.md has no date for {version}: write it as (2026-12-31).")
    changed = _said(["git", "status", "--porcelain"], root)
    if changed and not rehearse:
        raise ReleaseError(f"git has changes: commit or remove {changed.split()[1]} first.")
    return notes


def section(changelog: str, version: str) -> tuple[str, str]:
    """Return the headline and the text of a version's section of CHANGELOG.md."""
    for part in re.split(r"^(?=## )", changelog, flags=re.M)[1:]:
        headline, _, text = part.partition("\n")
        if headline.split()[1] == version and text.strip():
            return headline, text.strip() + "\n"
    raise ReleaseError(f"CHANGELOG.md says nothing of {version}: write what it brings.")


def build(folder: Path, version: str) -> list[Path]:
    """Build the source archive, the wheel out of it, and check both as PyPI would."""
    # The same commit gives the same bytes: files have the time of the commit.
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": _said(["git", "log", "-1", "--format=%ct"], ROOT)
    }
    _run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder)], environment)
    files = sorted(path for path in folder.iterdir() if path.name.startswith(f"stzsar-{version}"))
    if len(files) != 2:
        raise ReleaseError(f"The build gave {[path.name for path in files]}, not two files.")
    _run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)])
    _run([sys.executable, "-m", "check_wheel_contents", str(files[0])])
    say(f"Built and checked {' and '.join(path.name for path in files)}.")
    return files


def run_on(version: str, wheel: Path) -> str:
    """Install the wheel into an empty environment, run it on its own clip, and say what came."""
    python = find_python(version)
    if python is None:
        return f"Python {version} is not installed: the wheel was not run on it."
    with tempfile.TemporaryDirectory() as folder:
        _run([python, "-m", "venv", folder])
        own = Path(folder) / "bin"
        _run([str(own / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[cpu]"])
        shipped = _said(
            [str(own / "python"), "-Ic", "import stzsar; print(stzsar.__path__[0])"], Path(folder)
        )
        output = Path(folder) / "results.jsonl"
        clip = f"{shipped}/runtime/shipped/sample.mp4"
        _run([str(own / "stzsar-run"), "--source", clip, "--output", str(output)], cwd=folder)
        results = [json.loads(line) for line in output.read_text().splitlines()]
        decided = sum(one["type"] == "result" and one["decision"] is not None for one in results)
        if not decided:
            raise ReleaseError(f"On Python {version}, the wheel decides nothing on its own clip.")
    return f"Python {version}: {len(results)} messages, {decided} of them decisions."


def find_python(version: str) -> str | None:
    """Return an interpreter of a version, from the PATH or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python")))
    for name in (f"python{version}", *found):
        path = shutil.which(name)
        ask = "import sys; print('%d.%d' % sys.version_info[:2])"
        if path and _said([path, "-c", ask], ROOT, fails=True) == version:
            return path
    return None


def sign(files: Sequence[Path]) -> Iterator[str]:
    """Sign each file with what can sign here, and yield what was done or why it was not."""
    if os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        yield "Sigstore: the workflow attests the files, with its own identity."
    if shutil.which("gpg") and _said(
        ["gpg", "--list-secret-keys", "--with-colons"], ROOT, fails=True
    ):
        for file in files:
            _run(["gpg", "--batch", "--yes", "--armor", "--detach-sign", str(file)])
        yield f"Signed {len(files)} files with gpg."
    else:
        yield "gpg has no secret key here: the files are not signed by it."


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def _read(root: Path, name: str) -> str:
    return (root / name).read_text("utf-8")


def _said(command: Sequence[str], cwd: Path, *, fails: bool = False) -> str:
    """Return what a command prints; nothing if it fails and may."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode and not fails:
        raise ReleaseError(f"{' '.join(command[:3])} failed: {done.stderr.strip()}")
    return "" if done.returncode else done.stdout.strip()


def _run(
    command: Sequence[str], environment: dict[str, str] | None = None, cwd: str | Path = ROOT
) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_SHOWN:])
        raise ReleaseError(f"{' '.join(command[:4])} … failed:\n{last}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ReleaseError as error:
        sys.exit(f"Error: {error}")
