import io

import numpy as np
import pytest
from rich.console import Console

from framering.reporting import terminal
from framering.reporting.terminal import TerminalScreen, draw


def test_a_character_shows_two_pixels():
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 1] = (255, 0, 0)
    image[1, 1] = (0, 0, 255)

    segments = draw(image, columns=80, rows=24).segments

    style = segments[1].style
    assert segments[1].text == "▀"
    assert style.color.triplet == (255, 0, 0)
    assert style.bgcolor.triplet == (0, 0, 255)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 100), (1000, 1000)])
def test_a_image_fits_and_keeps_its_proportions(columns, rows):
    segments = draw(np.zeros((210, 160, 3), np.uint8), columns, rows).segments

    lines = "".join(segment.text for segment in segments).splitlines()
    assert len(lines) <= rows
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= columns
    assert 2 * len(lines) / len(lines[0]) == pytest.approx(210 / 160, rel=0.05)


class Envs:
    def render(self):
        return (np.full((20, 20, 3), 200, np.uint8),)


def test_a_screen_keeps_the_pace(monkeypatch):
    slept = []
    monkeypatch.setattr(terminal.time, "monotonic", lambda: 10.0)
    monkeypatch.setattr(terminal.time, "sleep", slept.append)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    screen = TerminalScreen(console, frames_per_second=10)

    screen.capture(Envs(), {})
    screen.capture(Envs(), {})
    screen.close()

    assert slept == pytest.approx([0.0, 0.1])
    assert "▀" in console.file.getvalue()
