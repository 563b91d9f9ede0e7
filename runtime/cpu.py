"""How many CPUs this process may use: a container or an affinity mask may leave fewer than all."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def cpu_limit(root: Path = Path("/")) -> int | None:
    """Return how many CPUs the process may keep busy; None if it may use all of them.

    Engines start one thread for each core of the machine unless they get this number. Threads
    beyond a quota are throttled in turn, and those that wait for them burn the quota: under a
    quota of 1 or 1.5 CPUs a frame takes twice as long with two threads as with one.

    Args:
        root: where `proc` and `sys` lie.
    """
    cores = os.cpu_count() or 1
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    allowed = len(affinity(0)) if affinity else cores
    quota = min(_quotas(root), default=math.inf)
    if quota < allowed:
        allowed = max(1, math.floor(quota))
    return allowed if allowed < cores else None


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quota, in CPUs, of each cgroup that the process is in, up to the mounted one."""
    for folder, top in _cgroups(root):
        for group in (folder, *folder.parents):
            if (quota := _quota(group)) is not None:
                yield quota
            if group == top:
                break


def _quota(group: Path) -> float | None:
    """Return the quota of one cgroup: cpu.max of version 2, or the two files of version 1."""
    try:
        if (both := group / "cpu.max").exists():
            quota, period = both.read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        cpus = int(quota) / int(period)  # "max" and -1 are no limit
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return cpus if cpus > 0 else None


def _cgroups(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folder of each cgroup of the process, and that of the mount it lies in."""
    try:
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
        paths = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    path_of = dict(line.split(":", 2)[1:] for line in paths if line.count(":") >= 2)
    for line in mounts:
        before, _, after = line.partition(" - ")
        kind, _, options, *_ = [*after.split(), "", "", ""]
        if kind not in ("cgroup", "cgroup2"):
            continue
        mounted, top = before.split()[3:5]
        for names, path in path_of.items():
            is_ours = not names if kind == "cgroup2" else "cpu" in names.split(",")
            if is_ours and (kind == "cgroup2" or "cpu" in options.split(",")):
                # A container may see the path that its host sees, and its own cgroup as the mount.
                within = os.path.relpath(path, mounted) if _lies_in(path, mounted) else "."
                folder = root / top.lstrip("/")
                yield folder / within, folder


def _lies_in(path: str, folder: str) -> bool:
    return Path(path) == Path(folder) or Path(folder) in Path(path).parents
