"""TensorRT as far as a machine without a GPU can see it: every call against the recorded API.

The fake module has only names that the real ones have, so an attribute that a version lacks is an
AttributeError here. What a real GPU computes is not verified here.
"""

import os
import signal
import sys
import threading

import numpy as np
import pytest

from stzsar.runtime.engines import cuda
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.engines.ort_engine import OrtGraph
from stzsar.runtime.engines.trt import api as trt_api
from stzsar.runtime.engines.trt import graph as trt_graph
from stzsar.runtime.engines.trt.build import BuildPlan, build_engine
from stzsar.runtime.engines.trt.graph import Engines, TrtGraph
from stzsar.runtime.engines.trt.key import Limits
from stzsar.runtime.engines.trt.store import EngineStore
from stzsar.runtime.errors import EngineError

RELEASES = ["10.3.0", "10.13.3", "10.16.1", "11.4.0", "rtx-1.7"]


def mean_colours(feeds):
    """What frame.onnx of the test's bundle computes."""
    colour = feeds["frames"].astype(np.float32).mean((1, 2)) + np.float32(1e-3)
    colour /= np.linalg.norm(colour, axis=1, keepdims=True)
    return {"colour": colour, "closeness": colour @ feeds["class_embeddings"].T}


FRAME_NETWORK = {
    "inputs": {"frames": ("UINT8", (-1, 16, 16, 3)), "class_embeddings": ("FLOAT", (-1, 3))},
    "outputs": {"colour": ("FLOAT", (-1, 3)), "closeness": ("FLOAT", (-1, -1))},
    "compute": mean_colours,
}


@pytest.fixture
def device(monkeypatch, fake_gpu):
    """Installs a fake TensorRT on a fake GPU; returns its list of calls and its driver library."""

    def install(release="10.3.0", gpu=None, **network):
        library = gpu or fake_gpu.FakeCuda()
        driver = cuda.Driver(library)
        for module in (trt_api, trt_graph):
            monkeypatch.setattr(module, "find_driver", lambda: driver)
        network = {**FRAME_NETWORK, **network, "calls": []}
        module = fake_gpu.fake_tensorrt(release, network)
        absent = {"tensorrt": "tensorrt_rtx", "tensorrt_rtx": "tensorrt"}[module.__name__]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(sys.modules, absent, None)
        return network["calls"], library

    return install


def built(calls):
    return sum(call[0] == "parse" for call in calls)


def feeds(count=3, labels=3):
    rng = np.random.default_rng(count)
    return {
        "frames": rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8),
        "class_embeddings": rng.random((labels, 3), dtype=np.float32),
    }


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_builds_keeps_and_runs_with_the_names_that_it_has(
    own_bundle, device, fake_gpu, release
):
    calls, _ = device(release, fake_gpu.FakeCuda(capability=(8, 9)))
    graph = open_graph(own_bundle / "frame.onnx", engine="tensorrt")
    ours, theirs = graph(feeds()), OrtGraph(own_bundle / "frame.onnx")(feeds())
    assert graph.device == "tensorrt"
    for name in ("colour", "closeness"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5)
    flags = fake_gpu.VERSIONS[release]["NetworkDefinitionCreationFlag"]
    assert ("flags", 1 << flags.index("STRONGLY_TYPED")) in calls
    profile = next(call[1] for call in calls if call[0] == "profile")
    assert profile["frames"] == ((1, 16, 16, 3), (4, 16, 16, 3), (4, 16, 16, 3))
    assert profile["class_embeddings"] == ((1, 3), (128, 3), (512, 3))
    open_graph(own_bundle / "frame.onnx", engine="tensorrt")
    assert built(calls) == 1


def test_more_rows_than_the_engine_takes_are_run_in_parts(own_bundle, device):
    device()
    ours = TrtGraph(own_bundle / "frame.onnx")(feeds(11))
    np.testing.assert_allclose(ours["colour"], mean_colours(feeds(11))["colour"], rtol=1e-5)


def test_window_graphs_take_any_time_up_to_the_manifests_and_a_scalar_stays_one(own_bundle, device):
    shapes = {"colour": (-1, -1, 3), "closeness": (-1, -1, -1), "attribute_mask": (-1, -1)}
    calls, _ = device(
        inputs={n: ("BOOL" if n[0] == "a" else "FLOAT", s) for n, s in shapes.items()},
        outputs={"logits": ("FLOAT", (-1, -1)), "scale": ("FLOAT", ())},
        compute=lambda f: {
            "logits": f["closeness"].sum(1),
            "scale": np.asarray(20, np.float32),
        },
    )
    closeness = np.random.default_rng(0).random((6, 2, 3), dtype=np.float32)
    mask = np.ones((3, 2), bool)
    graph = TrtGraph(own_bundle / "window.onnx")
    found = graph({"colour": closeness, "closeness": closeness, "attribute_mask": mask})
    np.testing.assert_allclose(found["logits"], closeness.sum(1))
    assert found["scale"].shape == ()
    profile = next(call[1] for call in calls if call[0] == "profile")
    assert profile["closeness"] == ((1, 1, 1), (4, 4, 128), (4, 4, 512))
    assert profile["attribute_mask"] == ((1, 1), (128, 8), (512, 16))


def test_constants_go_to_the_gpu_once_and_bound_graphs_live_side_by_side(own_bundle, device):
    _, library = device()
    graph = TrtGraph(own_bundle / "frame.onnx")
    few, many = feeds(2, labels=2), feeds(2, labels=9)
    bound = [graph.bind({"class_embeddings": x["class_embeddings"]}) for x in (few, many)]
    uploads = library.copies_up
    frames = {"frames": few["frames"]}
    expected = [mean_colours(x | frames)["closeness"] for x in (few, many)]
    wrong = []

    def work(which):
        for _ in range(20):
            found = bound[which](frames)["closeness"]
            if not np.allclose(found, expected[which]):
                wrong.append(which)

    threads = [threading.Thread(target=work, args=(which,)) for which in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert library.copies_up == uploads + 80


def test_outputs_that_nobody_wants_stay_on_the_gpu(own_bundle, device):
    _, library = device()
    graph = TrtGraph(own_bundle / "frame.onnx")
    bound = graph.bind({"class_embeddings": feeds(2)["class_embeddings"]}, ("colour",))
    before = library.copies_down
    found = bound({"frames": feeds(2)["frames"]})
    assert set(found) == {"colour"}
    assert library.copies_down == before + 1
    np.testing.assert_allclose(found["colour"], mean_colours(feeds(2))["colour"], rtol=1e-5)


def test_more_labels_than_the_engine_takes_build_a_larger_one(own_bundle, device, caplog):
    calls, _ = device()
    graph = TrtGraph(own_bundle / "frame.onnx")
    old = graph.bind({"class_embeddings": feeds(1)["class_embeddings"]})
    found = graph(feeds(1, labels=600))
    assert found["closeness"].shape == (1, 600)
    assert built(calls) == 2
    assert "512 labels" in caplog.text
    assert "600 labels" in caplog.text
    assert old({"frames": feeds(1)["frames"]})["closeness"].shape == (1, 3)
    TrtGraph(own_bundle / "frame.onnx")(feeds(1, labels=1024))
    assert built(calls) == 2


def test_limits_that_a_person_chose_are_kept(own_bundle, device):
    calls, library = device()
    path, driver = own_bundle / "frame.onnx", cuda.Driver(library)
    chosen = Limits(streams=1, frames=4, labels=5, attributes=2)
    Engines(sys.modules["tensorrt"], driver, path).build(chosen)
    graph = TrtGraph(path)
    assert built(calls) == 1
    graph(feeds(3, labels=9))
    assert built(calls) == 2
    assert calls[-2][1]["frames"] == ((1, 16, 16, 3), (1, 16, 16, 3), (1, 16, 16, 3))


def spoil(folder, how):
    engine, key = folder / "frame.engine", folder / "frame.json"
    if how == "replaced":
        engine.write_bytes(b"code of a stranger")
    elif how == "cut short":
        os.truncate(engine, 5)
    elif how == "without key":
        key.unlink()
    elif how == "a link":
        elsewhere = folder.parent / "elsewhere"
        engine.rename(elsewhere)
        engine.symlink_to(elsewhere)
    elif how == "a pipe":
        engine.unlink()
        os.mkfifo(engine)
    elif how == "a key that is no JSON":
        key.write_text("[" * 50_000)
    elif how == "a key of other fields":
        key.write_text('{"engine": 1, "limits": {"labels": "many"}}')


@pytest.mark.parametrize(
    "how",
    ["replaced", "cut short", "without key", "a link", "a pipe", "a key that is no JSON",
     "a key of other fields"],
)  # fmt: skip
def test_a_corrupt_engine_is_never_deserialised_and_is_built_again(own_bundle, device, how, caplog):
    calls, _ = device()
    TrtGraph(own_bundle / "frame.onnx")
    good = next(call[1] for call in calls if call[0] == "deserialize")
    spoil(own_bundle / "engines", how)
    TrtGraph(own_bundle / "frame.onnx")
    assert built(calls) == 2
    assert {call[1] for call in calls if call[0] == "deserialize"} == {good}
    assert caplog.text.count("Building the engine of frame.onnx again") == 1
    assert (own_bundle / "engines/frame.engine").is_file()
    assert not (own_bundle / "engines/frame.engine").is_symlink()


def test_a_linked_engines_folder_is_refused(own_bundle, device, tmp_path, orin_key):
    device()
    TrtGraph(own_bundle / "frame.onnx")
    (own_bundle / "engines").rename(tmp_path / "elsewhere")
    (own_bundle / "engines").symlink_to(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    for folder in ("engines", "engines/rtx"):
        assert EngineStore(own_bundle, folder).read_key("frame") is None
        with pytest.raises(EngineError, match="engines is a link"):
            EngineStore(own_bundle, folder).keep("frame", orin_key, b"engine")
    with pytest.raises(EngineError, match="engines is a link"):
        TrtGraph(own_bundle / "frame.onnx")
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


def test_another_gpu_builds_its_own_engine(own_bundle, device, fake_gpu, caplog):
    device()
    TrtGraph(own_bundle / "frame.onnx")
    calls, _ = device(gpu=fake_gpu.FakeCuda(name=b"NVIDIA RTX", capability=(8, 9)))
    TrtGraph(own_bundle / "frame.onnx")
    assert built(calls) == 1
    assert "compute capability 8.7 and this is 8.9" in caplog.text
    assert not [data for kind, *data in calls if kind == "timings" and data[0]]


def test_timings_of_one_build_serve_the_next(own_bundle, device):
    calls, _ = device()
    TrtGraph(own_bundle / "frame.onnx")
    (own_bundle / "engines/frame.engine").unlink()
    TrtGraph(own_bundle / "frame.onnx")
    assert [data for kind, *data in calls if kind == "timings"] == [[b""], [b"timings"]]


def test_where_the_bundle_is_read_only_the_engine_goes_to_the_cache(
    own_bundle, device, tmp_path, monkeypatch
):
    device()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Root may write anywhere, so the answer of the system is given here.
    real = os.access
    monkeypatch.setattr(os, "access", lambda p, mode: p != own_bundle and real(p, mode))
    TrtGraph(own_bundle / "frame.onnx")
    assert not (own_bundle / "engines").exists()
    assert len(list((tmp_path / "cache/stzsar").glob("*/engines/frame.engine"))) == 1


def test_the_reason_of_the_parser_is_in_the_one_sentence(own_bundle, device):
    device(refuses="In node 3: UNSUPPORTED_NODE:\n Found unsupported input type of UINT8")
    with pytest.raises(EngineError, match="node 3: UNSUPPORTED_NODE: Found unsupported input"):
        TrtGraph(own_bundle / "frame.onnx")


def test_auto_goes_on_with_onnx_runtime_where_tensorrt_refuses(own_bundle, device, caplog):
    device(refuses="no such node")
    graph = open_graph(own_bundle / "frame.onnx")
    assert graph.device == "cpu"
    assert "Using ONNX Runtime instead" in caplog.text


def test_an_interrupt_stops_the_build_and_leaves_nothing(own_bundle, device):
    device()

    def interrupted(share, phase):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        TrtGraph(own_bundle / "frame.onnx", report=interrupted)
    assert not (own_bundle / "engines").exists()


def test_ctrl_c_that_comes_in_tensorrts_log_stops_the_build_too(own_bundle, device):
    """TensorRT drops an exception of its log, where Ctrl-C is most likely to be noticed."""
    device()
    path = own_bundle / "frame.onnx"
    plan = BuildPlan(limits=Limits(frames=4, labels=3, attributes=2))
    seen = []

    def report(_share, phase):
        if not seen:
            seen.append(phase)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            build_engine(sys.modules["tensorrt"], path, plan, report=report)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_limits_that_a_person_chose_survive_another_tensorrt(own_bundle, device):
    device()
    path = own_bundle / "frame.onnx"
    chosen = Limits(streams=8, frames=4, labels=1000, attributes=16)
    driver = trt_graph.find_driver()
    assert driver
    Engines(sys.modules["tensorrt"], driver, path).build(chosen)
    device(release="10.16.1")
    TrtGraph(path)
    found = EngineStore(own_bundle).read_key("frame")
    assert found
    assert found[0].version.startswith("10.16.1")
    assert found[0].limits == chosen


def test_an_engine_has_room_for_the_labels_that_are_bound_first(own_bundle, device):
    calls, _ = device()
    many = {"class_embeddings": np.zeros((700, 3), np.float32)}
    graph = TrtGraph(own_bundle / "frame.onnx", constants=many)
    graph.bind(many)
    assert built(calls) == 1


def test_a_graph_that_was_exported_anew_meanwhile_is_not_mixed_with_the_old_one(own_bundle, device):
    device()
    graph = TrtGraph(own_bundle / "frame.onnx")
    (own_bundle / "frame.onnx").write_bytes(b"another graph")
    with pytest.raises(EngineError, match="was changed since it was opened"):
        graph.bind({"class_embeddings": np.zeros((700, 3), np.float32)})


def test_progress_never_goes_back(own_bundle, device):
    device()
    shares = []
    TrtGraph(own_bundle / "frame.onnx", report=lambda share, phase: shares.append(share))
    assert shares == [0.25, 0.5, 1.0]


def test_input_of_another_type_is_refused(own_bundle, device):
    device()
    graph = TrtGraph(own_bundle / "frame.onnx")
    with pytest.raises(EngineError, match="frames is float32 and the engine takes uint8"):
        graph(feeds() | {"frames": feeds()["frames"].astype(np.float32)})
    with pytest.raises(EngineError, match="requires class_embeddings, which is missing"):
        graph({"frames": feeds()["frames"]})


def test_a_build_that_memory_will_not_do_for_is_refused_before_it(own_bundle, device, fake_gpu):
    calls, _ = device(gpu=fake_gpu.FakeCuda(free=100 << 20))
    with pytest.raises(EngineError, match=r"GPU memory and 0\.1 GiB are free.*--max-streams 1"):
        TrtGraph(own_bundle / "frame.onnx")
    assert not built(calls)


def test_what_lacks_is_said_in_one_sentence(
    bundle, run_cli, red_video, assert_refused, monkeypatch
):
    monkeypatch.setattr(trt_api, "find_driver", lambda: None)
    result = run_cli("--bundle", bundle, "--source", red_video, "--engine", "tensorrt")
    assert_refused(result, "requires an NVIDIA GPU with its driver", "--engine onnxruntime")
    monkeypatch.setattr(trt_api, "find_driver", lambda: object())
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run_cli("--bundle", bundle, "--source", red_video, "--engine", "tensorrt")
    assert_refused(result, "TensorRT is not installed", "JetPack", "tensorrt-cu13")


def test_tensorrt_rtx_does_not_serve_a_jetson(own_bundle, device):
    device("rtx-1.7")
    with pytest.raises(EngineError, match="does not support Orin"):
        open_graph(own_bundle / "frame.onnx", engine="tensorrt")


def test_tensorrt_is_not_touched_without_a_driver(bundle, monkeypatch):
    """Its runtime ends the process then."""
    monkeypatch.setattr(trt_api, "find_driver", lambda: None)
    monkeypatch.setattr(trt_api, "_import_any", lambda: pytest.fail("imported"))
    assert open_graph(bundle / "frame.onnx").device == "cpu"


def test_an_unknown_engine_is_refused(bundle):
    with pytest.raises(EngineError, match="choose from auto, onnxruntime"):
        open_graph(bundle / "frame.onnx", engine="openvino")
