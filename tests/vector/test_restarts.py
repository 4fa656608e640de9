"""Workers that die and commands that are interrupted: lanes restart and are marked."""

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from framering import AtariVectorEnv
from framering.vector.pool import WorkerError

BREAKOUT = "BreakoutNoFrameskip-v4"


def kill(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_killed_worker_is_replaced_and_reported(mode: str, play: Any, worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, 2, autoreset_mode=mode)
    alone = AtariVectorEnv(BREAKOUT, 4, 0, autoreset_mode=mode)
    for one in (envs, alone):
        list(play(one, 30))
    last = envs._observations._observations.copy()
    kill(worker_ids(envs)[0])
    actions = np.array([1, 2, 3, 2])
    with pytest.warns(RuntimeWarning, match=r"worker 0 \(games 0 to 1 of breakout\) was killed by"):
        observations, rewards, terminations, truncations, infos = envs.step(actions)
    expected = alone.step(actions)
    # The dead worker's games are truncated; the others continue.
    np.testing.assert_array_equal(infos["worker_restarted"], [True, True, False, False])
    np.testing.assert_array_equal(infos["_worker_restarted"], [True, True, False, False])
    assert truncations[:2].all()
    assert not terminations[:2].any()
    assert (rewards[:2] == 0).all()
    assert (observations[:2] == observations[:2, :1]).all()
    if mode == "SameStep":
        np.testing.assert_array_equal(np.stack(infos["final_obs"][:2]), last[:2])
    for step in range(50):
        np.testing.assert_array_equal(observations[2:], expected[0][2:])
        actions = np.array([step % 4] * 4)
        (observations, *_, infos), expected = envs.step(actions), alone.step(actions)
        assert "worker_restarted" not in infos
    envs.close()


def test_a_worker_that_dies_within_a_step_is_noticed_within_a_second(worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 1)
    envs.reset()
    victim = worker_ids(envs)[0]
    os.kill(victim, signal.SIGSTOP)
    envs.send(np.zeros(2, int))
    kill(victim)
    noticed = []

    def notice(worker: int) -> None:
        noticed.append(time.monotonic())
        replace(worker)

    replace, envs._stepper.executor._replace = envs._stepper.executor._replace, notice
    begin = time.monotonic()
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        envs.recv()
    assert noticed[0] - begin < 1.0
    envs.close()


def test_a_seeded_reset_survives_a_dead_worker(worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    expected = envs.reset(seed=5)
    kill(worker_ids(envs)[1])
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        again = envs.reset(seed=5)
    np.testing.assert_array_equal(again[0], expected[0])
    assert "worker_restarted" not in envs.step(np.zeros(2, int))[-1]
    envs.close()


def test_a_death_while_rendering_is_reported_at_the_next_step(worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2, render_mode="rgb_array")
    envs.reset()
    kill(worker_ids(envs)[1])
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        screens = envs.render()
    assert all(screen.any() for screen in screens)
    *_, truncations, infos = envs.step(np.zeros(2, int))
    np.testing.assert_array_equal(truncations, [False, True])
    np.testing.assert_array_equal(infos["worker_restarted"], [False, True])
    envs.close()


def test_workers_that_keep_dying_are_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch, worker_ids: Any, is_alive: Any
) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset()
    monkeypatch.setenv("ALE_ROMS_DIR", "/nowhere")
    kill(worker_ids(envs)[1])
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(WorkerError, match=r"(?s)game 1 of breakout.*NotADirectoryError.*/nowhere"),
    ):
        envs.step(np.zeros(2, int))
    with pytest.raises(WorkerError, match="5 times in a row"):
        envs.recv()
    assert not any(is_alive(worker) for worker in worker_ids(envs))
    envs.close()


@pytest.mark.parametrize("call", ["reset", "step", "render"])
def test_a_call_that_ctrl_c_interrupts_can_be_continued(
    call: str, play: Any, assert_equal: Any, worker_ids: Any
) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2, render_mode="rgb_array")
    alone = AtariVectorEnv(BREAKOUT, 2, 0)
    actions = np.ones(2, int)
    for one in (envs, alone):
        list(play(one, 10))
    os.kill(worker_ids(envs)[0], signal.SIGSTOP)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        {"reset": envs.reset, "step": lambda: envs.step(actions), "render": envs.render}[call]()
    os.kill(worker_ids(envs)[0], signal.SIGCONT)
    if call == "step":
        assert_equal(envs.recv(), alone.step(actions))
    elif call == "reset":
        assert_equal(envs.reset(seed=4), alone.reset(seed=4))
    assert_equal(envs.step(actions), alone.step(actions))
    envs.close()


@pytest.mark.parametrize("num_workers", [0, None])
def test_a_game_that_ctrl_c_interrupts_in_the_calling_process_is_restarted(
    num_workers: int | None, monkeypatch: pytest.MonkeyPatch, play: Any
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    envs = AtariVectorEnv(BREAKOUT, 4, num_workers, order="gymnasium")
    alone = AtariVectorEnv(BREAKOUT, 4, 0, order="gymnasium")
    actions = np.ones(4, int)
    for one in (envs, alone):
        list(play(one, 10))
    lanes = (
        envs._stepper.executor._lanes if num_workers == 0 else envs._stepper.executor._own._lanes
    )
    observe = lanes[1]._emulator._skip.observe

    def interrupt(out: Any) -> None:
        monkeypatch.setattr(lanes[1]._emulator._skip, "observe", observe)
        raise KeyboardInterrupt

    monkeypatch.setattr(lanes[1]._emulator._skip, "observe", interrupt)
    with pytest.raises(KeyboardInterrupt):
        envs.step(actions)
    observations, _, _, truncations, infos = envs.recv()
    expected = alone.step(actions)[0]
    others = np.array([True, False, True, True])
    np.testing.assert_array_equal(infos["worker_restarted"], ~others)
    np.testing.assert_array_equal(truncations, ~others)
    np.testing.assert_array_equal(observations[others], expected[others])
    assert (observations[1] == observations[1, :1]).all()
    assert "worker_restarted" not in envs.step(actions)[-1]
    envs.close()


def test_a_worker_killed_by_a_signal_without_a_name_is_replaced(worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 1, 1)
    envs.reset()
    os.kill(worker_ids(envs)[0], signal.SIGRTMIN + 6)
    with pytest.warns(RuntimeWarning, match=f"was killed by signal {signal.SIGRTMIN + 6}; it is"):
        envs.step(np.zeros(1, int))
    envs.close()
