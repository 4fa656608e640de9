import io
import re

import pytest
from rich.console import Console

from framering.reporting import progress
from framering.reporting.progress import ProgressLine


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def console(terminal, width=200):
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=width,
        color_system=None,
        _environ={"TERM": "xterm"},
    )


def drawn_lines(screen):
    """Return every state of the live line."""
    return [
        line for line in re.split(r"[\r\n]|\x1b\[[0-9?]*[A-Za-z]", screen.file.getvalue()) if line
    ]


def test_without_a_terminal_a_line_is_printed_every_ten_seconds(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=10_000, console=screen)

    for step in range(0, 3000, 100):
        line.log_step(step, epsilon=0.5)
        clock.now += 1.0

    printed = screen.file.getvalue().splitlines()
    assert len(printed) == 2
    assert printed[-1].startswith("step 2,000/10,000  SPS 100  ")


def test_the_line_has_step_speed_return_length_epsilon_loss_value_and_time(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=10_000, console=screen)
    line.log_episode(20.0, 1000)
    line.log_episode(10.0, 500)
    line.log_update(loss=0.0123456, q_value=1.5)
    clock.now += 20.0

    line.log_step(2000, epsilon=0.25)

    assert screen.file.getvalue() == (
        "step 2,000/10,000  SPS 100  return 15.0  length 750  ε 0.250  loss 0.01235  Q 1.5  "
        "left 0:01:20\n"
    )


def test_the_return_is_the_mean_of_the_last_hundred(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=10, console=screen)
    for value in [1000.0] * 50 + [1.0] * 100:
        line.log_episode(value, 1)
    clock.now += 20.0

    line.log_step(1, epsilon=0.0)

    assert "return 1.0 " in screen.file.getvalue()


def test_the_speed_is_the_recent_one(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=10**6, console=screen)
    step = 0
    for speed in [1000] * 60 + [10] * 60:
        step += speed
        clock.now += 1.0
        line.log_step(step, epsilon=0.0)

    assert "SPS 10 " in screen.file.getvalue().splitlines()[-1]


def test_a_terminal_gets_a_live_line(clock):
    screen = console(terminal=True)
    line = ProgressLine(total=1000, console=screen)
    for step in range(0, 1000, 100):
        clock.now += 0.3
        line.log_step(step, epsilon=0.5)
    line.close()

    drawn = screen.file.getvalue()
    assert "step 900/1,000" in drawn
    assert drawn.count("\r") >= 9


@pytest.fixture
def busy_line(clock):
    """A function width -> the states of a live line of that width with long numbers."""

    def draw(width):
        screen = console(terminal=True, width=width)
        line = ProgressLine(total=10_000_000, start=999_900, console=screen)
        line.log_episode(-20.1, 12_345)
        line.log_update(loss=0.0123456, q_value=-1.23456)
        for step in range(1_000_000, 1_000_400, 100):
            clock.now += 1.0
            line.log_step(step, epsilon=0.01)
        line.close()
        return drawn_lines(screen)

    return draw


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_the_live_line_fits_the_terminal_and_has_the_time_left(width, busy_line):
    for line in busy_line(width):
        assert len(line) <= width
        assert re.search(r"left \d+:\d\d:\d\d$", line)


def test_the_less_important_numbers_are_left_out_first(busy_line):
    assert busy_line(80)[-1].endswith(
        "step 1,000,300/10,000,000  SPS 100  return -20.1  ε 0.010  left 24:59:57"
    )


def test_the_bar_takes_what_is_left_of_the_width(busy_line):
    bars = {width: busy_line(width)[-1].count("━") for width in (76, 78, 200)}

    assert bars == {76: 0, 78: 4, 200: 16}


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("last", [4000, 4005])
def test_the_last_state_is_the_whole_number_of_steps(terminal, last, clock):
    screen = console(terminal)
    line = ProgressLine(total=4000, console=screen)
    clock.now += 20.0
    line.log_step(3990, epsilon=0.0)
    line.log_step(last, epsilon=0.0)
    line.close()

    final = drawn_lines(screen)[-1]
    assert "step 4,000/4,000" in final
    assert final.endswith("left 0:00:00")


@pytest.mark.parametrize("terminal", [True, False])
def test_what_isnt_stepping_is_shown_with_its_parts(terminal, clock):
    screen = console(terminal, width=80)
    line = ProgressLine(total=4000, console=screen)
    clock.now += 20.0
    line.log_step(1000, epsilon=0.0)

    with line.activity("compiling"):
        pass
    with line.activity("evaluating", 10) as done:
        for game in range(1, 11):
            clock.now += 11.0
            done(game)
    line.close()

    shown = drawn_lines(screen)
    assert any("step 1,000/4,000  compiling  left 0:01:00" in one for one in shown)
    assert "step 1,000/4,000  SPS 50  " in shown[-1]
    counts = [int(found[1]) for one in shown if (found := re.search(r"evaluating (\d+)/10", one))]
    assert sorted({*counts}) == list(range(1, 11))


def test_what_isnt_stepping_is_no_part_of_the_speed(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=10_000, console=screen)
    clock.now += 10.0
    line.log_step(1000, epsilon=0.0)
    with line.activity("compiling"):
        clock.now += 60.0
    clock.now += 5.0
    line.log_step(1500, epsilon=0.0)
    clock.now += 5.0
    line.log_step(2000, epsilon=0.0)

    assert "SPS 100 " in screen.file.getvalue().splitlines()[-1]


def test_an_activity_after_the_end_leaves_the_last_state(clock):
    screen = console(terminal=True, width=80)
    line = ProgressLine(total=10, console=screen)
    clock.now += 1.0
    line.log_step(10, epsilon=0.0)
    line.close()
    with line.activity("saving"):
        assert "saving" in drawn_lines(screen)[-1]

    assert screen.file.getvalue().endswith("\x1b[1A\x1b[2K")  # the activity's line is erased


def test_a_terminal_that_moves_no_cursor_gets_plain_lines(clock):
    screen = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    line = ProgressLine(total=1000, console=screen)
    for step in range(0, 200, 10):
        clock.now += 1.0
        line.log_step(step, epsilon=0.5)
    line.close()

    assert len(screen.file.getvalue().splitlines()) == 2


def test_the_state_of_the_collectors_ends_the_line_where_there_is_room(clock):
    screen = console(terminal=False)
    line = ProgressLine(total=1000, console=screen)

    line.log_collectors(["collectors 2 at 310–335 SPS", "dropped 0"])
    line.log_step(10, epsilon=0.5)
    line.close()

    (printed,) = screen.file.getvalue().splitlines()
    assert "Q –  collectors 2 at 310–335 SPS  dropped 0  left" in printed
