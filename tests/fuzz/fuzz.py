"""Fuzzes the readers of all formats, each in a process of its own: python tests/fuzz/fuzz.py

What ends a reader in another way than by a refusal is written into corpus/, which `make test` runs.
Inputs that reach new code are kept in .fuzz/, from which the next run goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
FOUND = FOLDER.parents[1] / ".fuzz"
_TIMEOUT_S, _MEMORY_MIB = 20, 2048


def main() -> int:
    """Fuzz the targets that are named, or all, and return how many failed."""
    sys.path.insert(0, str(FOLDER))
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=sorted(TARGETS), metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="time for each (default: 60)")
    options = parser.parse_args()
    failed = [name for name in options.targets if not _fuzz(name, options.seconds)]
    print(f"{len(options.targets) - len(failed)} of {len(options.targets)} targets hold")
    for name in failed:
        print(f"{name} FAILED: see the newest file in {FOLDER / 'corpus' / name}")
    return min(len(failed), 1)


def _fuzz(target: str, seconds: int) -> bool:
    from fuzz_seeds import seeds

    kept, crashes = FOUND / target, FOLDER / "corpus" / target
    for folder in (kept, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()[target]):
        (kept / f"seed-{number}").write_bytes(data)
    command = [
        *(sys.executable, __file__, "--one", target),
        *(f"-max_total_time={seconds}", f"-timeout={_TIMEOUT_S}", f"-rss_limit_mb={_MEMORY_MIB}"),
        *("-max_len=100000", f"-artifact_prefix={crashes}/", "-verbosity=0", str(kept)),
    ]
    done = subprocess.run(command, check=False)
    print(f"{target}: {len(list(kept.iterdir()))} inputs, exit code {done.returncode}", flush=True)
    if not any(crashes.iterdir()):
        crashes.rmdir()
    return done.returncode == 0


def _one(target: str, arguments: list[str]) -> None:
    """Run libFuzzer in this process, which it ends."""
    import atheris

    sys.path.insert(0, str(FOLDER))
    with atheris.instrument_imports(include=["stzsar"]):
        from fuzz_targets import run
    atheris.Setup([sys.argv[0], *arguments], lambda data: run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _one(sys.argv[2], sys.argv[3:])
    sys.exit(main())
