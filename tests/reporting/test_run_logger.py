import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from framering.reporting.collectors import CollectorReport
from framering.reporting.run_logger import RunLogger


@pytest.fixture
def logger(tmp_path):
    """A function total -> a logger that prints to the text file in its console."""
    made = []

    def make(total_timesteps=100, terminal=False):
        console = Console(
            file=io.StringIO(), force_terminal=terminal, width=80, color_system=None, _environ={}
        )
        made.append(RunLogger(tmp_path, {}, total_timesteps=total_timesteps, console=console))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    "message",
    [
        "runs/Pong__lr[high]__1",
        'pip install "gymnasium[classic-control]"',
        "runs/Pong__:fire:__1",
        "[/] [bold]",
    ],
)
def test_a_message_is_printed_as_it_is(message, terminal, logger):
    run = logger(terminal=terminal)

    run.log_message(message)

    assert message in run.console.file.getvalue()


def test_the_progress_of_a_step_is_that_after_it(logger):
    run = logger(total_timesteps=16)

    run.log_step(8, 0.5, SimpleNamespace(num_envs=8), {}, 8)
    run.close()

    assert "step 16/16" in run.console.file.getvalue()


def test_the_summary_has_steps_minutes_and_the_returns_of_training(logger, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("framering.reporting.run_logger.time.monotonic", lambda: clock[0])
    run = logger(total_timesteps=2000)
    for episodic_return in (1.0, 7.0):
        ended = {"_episode": [True], "episode": {"r": [episodic_return], "l": [10]}}
        run.log_step(0, 0.5, SimpleNamespace(num_envs=1), ended, 1)
    clock[0] += 90

    run.log_summary(2000)

    expected = (
        "2,000 steps in 1.5 minutes, "
        "2 episodes, mean return 1.00 in the first 1 and 7.00 in the last 1"
    )
    assert expected in run.console.file.getvalue()


def test_collectors_are_reported_every_two_seconds_and_at_the_end(logger, monkeypatch):
    now, calls = [1000.0], []
    monkeypatch.setattr("framering.reporting.run_logger.time.monotonic", lambda: now[0])
    run = logger()

    def report():
        calls.append(now[0])
        return CollectorReport([310.0, 1335.4], 64, 8.0, 2, 1)

    for _ in range(9):
        run.log_collectors(5, report)
        now[0] += 0.5
    run.log_summary(10)

    assert calls == [1000.0, 1002.0, 1004.0, 1004.5]
    printed = run.console.file.getvalue()
    assert (
        "collectors 2 at 310–1,335 SPS, dropped 2, restarts 1, weights 64 updates old, "
        "samples/transition 8.00"
    ) in printed
