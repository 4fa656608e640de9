import io

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


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)


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
        "step 2,000/10,000  SPS 100  return 15.0  length 750.0  ε 0.250  loss 0.01235  Q 1.5  "
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
