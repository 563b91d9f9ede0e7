"""What an engine was built for, and where it does not serve."""

import dataclasses

import pytest

from stzsar.runtime.documents import from_json
from stzsar.runtime.engines.trt.key import EngineKey, Limits


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "10.16.1"}, "with TensorRT 10.3.0 and this is 10.16.1"),
        ({"capability": "8.9"}, "for compute capability 8.7 and this is 8.9"),
        ({"device": "RTX 4090"}, "on Orin and this is RTX 4090"),
        ({"cuda": "13.2"}, "CUDA 12.6 and this is 13.2"),
        ({"driver": "600.1"}, "driver 540.4.0 and this is 600.1"),
        ({"l4t": ""}, "Jetson Linux 36.4.3 and this is none"),
        ({"graph": "b" * 64}, "from the graph"),
        ({"precision": "fp32"}, "in fp16 and this is fp32"),
        ({"family": "tensorrt_rtx"}, "by tensorrt and this is tensorrt_rtx"),
        ({"limits": Limits(labels=513)}, "513 labels"),
        ({"limits": Limits(attributes=17)}, "17 attributes"),
        ({"limits": Limits(frames=9)}, "9 frames"),
        ({"limits": Limits(streams=5)}, "5 streams"),
    ],
)
def test_whatever_differs_in_the_key_is_said(orin_key, change, words):
    assert words in (orin_key.why_not(dataclasses.replace(orin_key, **change)) or "")


def test_a_key_survives_its_file_and_serves_what_is_smaller(orin_key):
    assert from_json(orin_key.to_json("f" * 64), EngineKey) == orin_key
    assert orin_key.why_not(dataclasses.replace(orin_key, limits=Limits(labels=3))) is None


def test_an_engine_for_several_cards_serves_each_of_them(orin_key):
    cards = dataclasses.replace(orin_key, family="tensorrt_rtx", capability="8.6,8.9")
    assert cards.why_not(dataclasses.replace(cards, capability="8.9")) is None
    assert "8.6,8.9" in (cards.why_not(dataclasses.replace(cards, capability="12.0")) or "")
