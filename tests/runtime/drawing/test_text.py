"""Text of any script is drawn, also by an OpenCV that knows only ASCII."""

import importlib.util

import numpy as np
import pytest

from stzsar.runtime.drawing import text as text_module
from stzsar.runtime.drawing.text import draw_text, text_width

TEXTS = ["archery", "Íjászat", "射箭", "стрельба", "बोलना", "👍"]


def drawn(text, colour=(255, 255, 255)):
    image = np.zeros((40, 300, 3), np.uint8)
    draw_text(image, text, (5, 28), 30, colour)
    return image


@pytest.fixture(params=["OpenCV 5", "Pillow", "boxes"])
def fonts(request, monkeypatch):
    """Draw with each of the ways in turn."""
    text_module._font_for.cache_clear()
    if request.param != "OpenCV 5":
        monkeypatch.setattr(text_module, "_opencv_major", lambda: 4)
    if request.param == "Pillow" and not importlib.util.find_spec("PIL"):
        pytest.skip("no Pillow: pip install '.[bench]'")
    if request.param == "boxes":

        def missing(*_):
            raise ImportError

        monkeypatch.setattr(text_module, "_PillowFont", missing)
        monkeypatch.setattr(text_module, "_FreeTypeFont", missing)
    yield request.param
    text_module._font_for.cache_clear()


@pytest.mark.parametrize("text", TEXTS)
def test_every_script_is_drawn_within_its_width(fonts, text):
    columns = np.flatnonzero(drawn(text).max((0, 2)))

    assert columns.size > 0
    assert 0 < columns.max() <= 5 + text_width(text, 30) + 2


def test_text_has_its_colour_and_may_lie_at_the_edge(fonts):
    image = np.zeros((20, 30, 3), np.uint8)

    draw_text(image, "射箭", (20, 18), 30, (0, 0, 255))

    assert image[..., 2].max() > 100
    assert image[..., :2].max() == 0


@pytest.mark.parametrize("fonts", ["boxes"], indirect=True)
def test_letters_without_a_font_become_boxes_and_accents_go(fonts):
    assert (drawn("Íjászat 射") == drawn("Ijaszat 箭")).all()


def test_a_machine_is_asked_for_a_font_once_for_all_texts_with_the_same_letters(monkeypatch):
    asked = []
    text_module._font_for.cache_clear()
    monkeypatch.setattr(text_module, "_opencv_major", lambda: 4)
    monkeypatch.setattr(text_module, "_font_file", lambda letters: asked.append(letters))

    for score in range(5):
        drawn(f"{score}%  射箭")

    assert asked == ["射箭"]
    text_module._font_for.cache_clear()
