"""Instruments, on lines and files as real machines have them; none of these machines is here."""

import time

import pytest

from stzsar.benchmarks.bench.instruments.find import find_instruments
from stzsar.benchmarks.bench.instruments.instrument import AbsentError, Reading
from stzsar.benchmarks.bench.instruments.jetson import jetson_state, mode_of
from stzsar.benchmarks.bench.instruments.jetson_stats import measured, reading_of
from stzsar.benchmarks.bench.instruments.nvml import Nvml
from stzsar.benchmarks.bench.instruments.rapl import Rapl
from stzsar.benchmarks.bench.instruments.tegrastats import Tegrastats, parse_line

# As people published them; each device's own form.
ORIN_NANO_6 = (
    "04-27-2026 14:59:41 RAM 775/7620MB (lfb 3x4MB) SWAP 0/3810MB (cached 0MB) "
    "CPU [1%@729,0%@729,0%@1510,0%@729,off,off] GR3D_FREQ 63%@[621] NVDEC off NVJPG off VIC off "
    "OFA off APE 200 cpu@48.468C soc2@47.531C soc0@48.062C gpu@48.562C tj@49.156C soc1@49.156C "
    "VDD_IN 4761mW/4778mW VDD_CPU_GPU_CV 515mW/501mW VDD_SOC 1428mW/1428mW"
)
AGX_ORIN_5 = (
    "04-24-2023 00:01:24 RAM 1282/62795MB (lfb 15152x4MB) SWAP 0/31398MB (cached 0MB) "
    "CPU [0%@729,2%@729] EMC_FREQ 0%@2133 GR3D_FREQ 0%@0 GR3D2_FREQ 0%@0 VIC_FREQ 729 APE 174 "
    "CV0@-256C CPU@42.593C Tboard@32C SOC2@39.343C Tdiode@33.25C GPU@-256C tj@42.593C "
    "VDD_GPU_SOC 2399mW/2399mW VDD_CPU_CV 400mW/400mW VIN_SYS_5V0 4032mW/4032mW NC 0mW/0mW "
    "VDDQ_VDD2_1V8AO 301mW/301mW NC 0mW/0mW"
)
NANO_4 = (
    "RAM 1766/3964MB (lfb 197x4MB) SWAP 0/2048MB (cached 0MB) CPU [24%@1224,15%@1224,13%@1224,"
    "10%@1224] EMC_FREQ 0% GR3D_FREQ 0% PLL@21C CPU@25C PMIC@100C GPU@23.5C AO@33.5C "
    "thermal@24.5C POM_5V_IN 2545/2547 POM_5V_GPU 0/0 POM_5V_CPU 549/529"
)


def test_an_orin_nano_of_jetpack_6_is_measured_at_its_input():
    line = parse_line(ORIN_NANO_6)
    assert line.total == ("VDD_IN", 4.761)
    assert line.rails_mw == {"VDD_IN": 4761, "VDD_CPU_GPU_CV": 515, "VDD_SOC": 1428}
    assert line.values == {
        "ram_mb": 775, "ram_total_mb": 7620, "cpu_percent": 0.25, "cpu_mhz": 1510,
        "gpu_percent": 63, "gpu_mhz": 621,
    }  # fmt: skip
    assert line.temperatures_c["gpu"] == 48.562


def test_an_agx_orin_of_jetpack_5_is_the_sum_of_its_rails_and_sensors_that_are_off_say_nothing():
    line = parse_line(AGX_ORIN_5)
    total = line.total
    assert total is not None
    what, watts = total
    assert what == "the sum of VDD_GPU_SOC, VDD_CPU_CV, VIN_SYS_5V0, VDDQ_VDD2_1V8AO"
    assert watts == pytest.approx(2.399 + 0.4 + 4.032 + 0.301)
    assert "GPU" not in line.temperatures_c
    assert line.temperatures_c["CPU"] == 42.593


def test_a_nano_of_jetpack_4_writes_no_units():
    line = parse_line(NANO_4)
    assert line.total == ("POM_5V_IN", 2.545)
    assert (line.values["gpu_percent"], "gpu_mhz" in line.values) == (0, False)


def test_a_line_without_rails_has_no_power():
    assert parse_line("RAM 4300/30698MB GR3D_FREQ 45%").total is None
    assert parse_line("").values == {}


def test_tegrastats_is_followed_while_it_runs(tmp_path, monkeypatch):
    """A stand-in program, as the real one runs on Jetsons only."""
    program = tmp_path / "tegrastats"
    program.write_text(f"#!/bin/sh\nwhile true; do echo '{ORIN_NANO_6}'; sleep 0.05; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    instrument = Tegrastats()
    try:
        assert instrument.measures == "VDD_IN"
        assert instrument.read().watts == 4.761
        assert instrument.read().values["temperature_c"] == 49.156
        assert instrument.state()["gpu_c"] == 48.562
    finally:
        instrument.close()


def test_jtops_readings_are_milliwatts_and_its_sensors_may_be_off():
    power = {"tot": {"name": "VDD_IN", "power": 5200, "avg": 5100}, "rail": {"VDD_SOC": {}}}
    sensors = {"cpu": {"temp": 50.5, "online": True}, "gpu": {"temp": -256, "online": False}}
    assert measured(power) == "VDD_IN"
    assert reading_of(power, sensors) == Reading(5.2, {"temperature_c": 50.5})
    assert measured({"tot": {"power": 9}, "rail": {"GPU": {}, "CPU": {}}}) == "the sum of GPU, CPU"


def test_a_jetson_says_its_mode_and_what_slowed_it_down(tmp_path):
    assert mode_of("NV Fan Mode:quiet\nNV Power Mode: MAXN_SUPER\n2\n") == "MAXN_SUPER"
    assert mode_of("error") == ""
    for name, text in {
        "class/hwmon/hwmon3/oc1_event_cnt": "0\n",
        "class/hwmon/hwmon3/oc3_event_cnt": "37\n",
        "class/thermal/cooling_device0/type": "pwm-fan\n",
        "class/thermal/cooling_device0/cur_state": "3\n",
        "class/thermal/cooling_device1/type": "gpu-throttle-alert\n",
        "class/thermal/cooling_device1/cur_state": "1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    state = jetson_state(tmp_path)
    assert {**state, "power_mode": ""} == {
        "oc1_event_cnt": 0, "oc3_event_cnt": 37, "gpu-throttle-alert": 1, "power_mode": "",
    }  # fmt: skip


def test_a_processors_energy_becomes_power_also_where_its_counter_begins_again(tmp_path):
    package = tmp_path / "intel-rapl:0"
    (tmp_path / "intel-rapl:0:0").mkdir()  # a part of the package, which would count twice
    package.mkdir()
    (package / "max_energy_range_uj").write_text("999999\n")
    (package / "energy_uj").write_text("900000\n")
    start = time.monotonic()
    rapl = Rapl(tmp_path)
    time.sleep(0.05)
    (package / "energy_uj").write_text("100000\n")
    watts = rapl.read().watts
    longest = time.monotonic() - start
    assert watts is not None
    assert 0.2 / longest <= watts <= 0.2 / 0.05


def test_a_card_that_does_not_know_everything_tells_the_rest(monkeypatch):
    """NVML itself, with a driver's answers put in its place: integrated GPUs know little."""
    pynvml = pytest.importorskip("pynvml")

    def unknown(*_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetHandleByIndex": lambda _index: "card",
        "nvmlDeviceGetPowerUsage": lambda _card: 71_500,
        "nvmlDeviceGetMemoryInfo": lambda _card: type("Memory", (), {"used": 3 * 2**20}),
        "nvmlDeviceGetTemperature": lambda _card, _sensor: 51,
        "nvmlDeviceGetUtilizationRates": unknown,
        "nvmlDeviceGetClockInfo": lambda _card, _clock: 1980,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _card: 0x5,
        "nvmlDeviceGetPowerManagementLimit": unknown,
    }
    for name, answer in answers.items():
        assert hasattr(pynvml, name)
        monkeypatch.setattr(pynvml, name, answer)
    card = Nvml()
    assert card.read() == Reading(
        71.5, {"gpu_memory_mib": 3.0, "temperature_c": 51.0, "gpu_mhz": 1980.0}
    )
    assert card.state()["throttle_reasons"] == "0x4"  # that it was idle is none
    assert "power_limit_w" not in card.state()
    card.close()


def test_what_is_absent_has_a_reason(tmp_path):
    with pytest.raises(AbsentError, match="no energy counters"):
        Rapl(tmp_path)
    found, absent = find_instruments()
    names = {instrument.name for instrument in found}
    for instrument in found:
        instrument.close()
    assert names | absent.keys() == {"jtop", "tegrastats", "nvml", "rapl"}
    assert all(absent.values())
