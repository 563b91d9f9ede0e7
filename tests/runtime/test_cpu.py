import os

import pytest

from stzsar.runtime.cpu import cpu_limit

V2 = "30 23 0:26 {mounted} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 24 0:27 {mounted} /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(8), raising=False)


@pytest.fixture
def machine(tmp_path):
    """A root folder with a process in one cgroup; `limits` are the quotas of folders."""

    def make(mountinfo, cgroup, limits):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/mountinfo").write_text(mountinfo)
        (tmp_path / "proc/self/cgroup").write_text(cgroup)
        for name, text in limits.items():
            path = tmp_path / "sys/fs/cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("100000 100000", 1),
        ("150000 100000", 1),
        ("250000 100000", 2),
        ("20000 100000", 1),
        ("max 100000", None),
        ("1600000 100000", None),
    ],
)
def test_the_quota_of_cgroup_v2_limits_the_threads(machine, quota, cpus):
    root = machine(V2.format(mounted="/"), "0::/pod/app\n", {"pod/app/cpu.max": quota})

    assert cpu_limit(root) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("300000", 3), ("-1", None)])
def test_the_quota_of_cgroup_v1_limits_the_threads(machine, quota, cpus):
    limits = {"cpu/app/cpu.cfs_quota_us": quota, "cpu/app/cpu.cfs_period_us": "100000"}
    root = machine(V1.format(mounted="/"), "3:cpu,cpuacct:/app\n0::/\n", limits)

    assert cpu_limit(root) == cpus


def test_the_tightest_quota_of_all_cgroups_above_the_process_counts(machine):
    limits = {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}

    assert cpu_limit(machine(V2.format(mounted="/"), "0::/a/b\n", limits)) == 2


def test_a_container_that_sees_the_path_of_its_host_reads_the_mounted_cgroup(machine):
    limits = {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}
    mount = V1.format(mounted="/docker/12ab")

    assert cpu_limit(machine(mount, "3:cpu,cpuacct:/docker/12ab\n", limits)) == 1


def test_an_affinity_mask_counts_as_a_limit(machine, monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 3})

    assert cpu_limit(tmp_path) == 2


@pytest.mark.parametrize("garbage", ["", "max", "100000 0", "one two", "-5 100000"])
def test_without_a_readable_quota_there_is_no_limit(machine, garbage):
    root = machine(V2.format(mounted="/"), "0::/app\n", {"app/cpu.max": garbage})

    assert cpu_limit(root) is None
