"""Asynchronous games whose workers die or whose calls are interrupted, and saved ones."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from framering import AtariVectorEnv, ReplayBuffer
from framering.vector.pool import WorkerError

BREAKOUT = "BreakoutNoFrameskip-v4"


def kill(worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def receive(envs: AtariVectorEnv, number: int) -> dict[int, Any]:
    """Receive a number of games one by one; return observation, truncation and infos of each."""
    received = {}
    for _ in range(number):
        observations, _, _, truncations, infos = envs.recv()
        received[int(infos["env_id"][0])] = observations[0], bool(truncations[0]), infos
    return received


def make(games: int = 4, workers: int | None = 2, **options: Any) -> AtariVectorEnv:
    return AtariVectorEnv(BREAKOUT, games, workers, batch_size=1, **options)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_games_of_a_dead_worker_that_are_running_are_restarted(mode: str, worker_ids: Any) -> None:
    envs = make(autoreset_mode=mode)
    envs.async_reset(seed=0)
    last = receive(envs, 4)
    os.kill(worker_ids(envs)[0], signal.SIGSTOP)
    envs.send(np.ones(4, int))
    others = receive(envs, 2)
    assert others.keys() == {2, 3}
    kill(worker_ids(envs)[0])
    with pytest.warns(RuntimeWarning, match=r"worker 0 \(games 0 to 1 of breakout\) was killed by"):
        restarted = receive(envs, 2)
    for game in (0, 1):
        observation, truncated, infos = restarted[game]
        assert truncated
        assert infos["worker_restarted"].all()
        assert not infos["reset"].any()
        assert (observation == observation[:1]).all()
        if mode == "SameStep":
            np.testing.assert_array_equal(infos["final_obs"][0], last[game][0])
    envs.send(np.ones(4, int))
    assert not any("worker_restarted" in infos for _, _, infos in receive(envs, 4).values())
    envs.close()


def test_results_of_a_dead_worker_are_kept_and_its_games_restart_with_their_next_action(
    worker_ids: Any, wait_until: Any
) -> None:
    envs = make()
    alone = AtariVectorEnv(BREAKOUT, 4, 0)
    alone.reset(seed=0)
    envs.async_reset(seed=0)
    receive(envs, 4)
    before = envs._ring.published()
    # Games 0 and 1 are ready when their worker dies; nobody waits for them.
    envs.send(np.array([1, 2]), np.array([0, 1]))
    wait_until(lambda: (envs._ring.published()[:2] == before[:2] + 1).all())
    kill(worker_ids(envs)[0])
    expected = alone.step(np.array([1, 2, 1, 1]))[0]
    time.sleep(0.2)
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        kept = receive(envs, 2)
    for game, (observation, truncated, infos) in kept.items():
        np.testing.assert_array_equal(observation, expected[game])
        assert not truncated
        assert "worker_restarted" not in infos
    envs.send(np.ones(4, int))
    received = receive(envs, 4)
    for game, (_, truncated, infos) in received.items():
        assert truncated == (game < 2)
        assert ("worker_restarted" in infos) == (game < 2)
    envs.send(np.ones(4, int))
    assert not any("worker_restarted" in infos for _, _, infos in receive(envs, 4).values())
    envs.close()


def test_games_of_the_calling_process_continue_when_a_worker_dies(
    monkeypatch: pytest.MonkeyPatch, worker_ids: Any
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    envs = make(4, None)
    alone = AtariVectorEnv(BREAKOUT, 4, 0)
    alone.reset(seed=0)
    envs.async_reset(seed=0)
    receive(envs, 4)
    os.kill(worker_ids(envs)[0], signal.SIGSTOP)
    envs.send(np.ones(4, int))
    own = receive(envs, 2)
    kill(worker_ids(envs)[0])
    with pytest.warns(RuntimeWarning, match=r"worker 0 \(games 2 to 3 of breakout\) was killed by"):
        others = receive(envs, 2)
    expected = alone.step(np.ones(4, int))[0]
    for game in (0, 1):
        np.testing.assert_array_equal(own[game][0], expected[game])
        assert not own[game][1]
    assert [others[game][1] for game in (2, 3)] == [True, True]
    envs.send(np.full(4, 2))
    again = receive(envs, 4)
    expected = alone.step(np.full(4, 2))[0]
    for game in (0, 1):
        np.testing.assert_array_equal(again[game][0], expected[game])
    assert not any("worker_restarted" in infos for _, _, infos in again.values())
    envs.close()


def test_a_dead_worker_is_noticed_while_other_games_are_always_ready(worker_ids: Any) -> None:
    envs = make(3, 3)
    envs.async_reset(seed=0)
    receive(envs, 3)
    envs.send(np.ones(3, int))
    kill(worker_ids(envs)[2])
    end = time.monotonic() + 30.0
    games: list[int] = []
    restarted = False
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Game 2 was running, or was ready when its worker died and restarts with its next action.
        while not restarted and time.monotonic() < end:
            *_, infos = envs.recv()
            restarted = "worker_restarted" in infos
            games += infos["env_id"].tolist()
            envs.send(np.ones(1, int), infos["env_id"])
    assert restarted
    assert ["killed by SIGKILL" in str(warning.message) for warning in caught] == [True]
    assert games[-1] == 2
    envs.close()


def test_a_seeded_reset_survives_a_dead_worker(worker_ids: Any) -> None:
    envs = make(2)
    envs.async_reset(seed=5)
    expected = receive(envs, 2)
    kill(worker_ids(envs)[1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        envs.async_reset(seed=5)
        again = receive(envs, 2)
    assert ["killed by SIGKILL" in str(warning.message) for warning in caught] == [True]
    for game in range(2):
        np.testing.assert_array_equal(again[game][0], expected[game][0])
        assert "worker_restarted" not in again[game][2]
    envs.close()


def test_a_death_while_rendering_is_reported_with_the_next_result(worker_ids: Any) -> None:
    envs = make(2, render_mode="rgb_array")
    envs.async_reset()
    receive(envs, 2)
    kill(worker_ids(envs)[1])
    with pytest.warns(RuntimeWarning, match="killed by SIGKILL"):
        screens = envs.render()
    assert screens is not None
    assert all(screen.any() for screen in screens)
    envs.send(np.zeros(2, int))
    assert [receive(envs, 1) for _ in range(2)]
    envs.close()


def test_workers_that_keep_dying_are_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch, worker_ids: Any, is_alive: Any
) -> None:
    envs = make(2)
    envs.async_reset()
    receive(envs, 2)
    monkeypatch.setenv("ALE_ROMS_DIR", "/nowhere")
    os.kill(worker_ids(envs)[1], signal.SIGSTOP)
    envs.send(np.zeros(2, int))
    kill(worker_ids(envs)[1])
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(WorkerError, match=r"(?s)game 1 of breakout.*NotADirectoryError.*/nowhere"),
    ):
        receive(envs, 2)
    with pytest.raises(WorkerError, match="5 times in a row"):
        receive(envs, 1)
    with pytest.raises(WorkerError, match="5 times in a row"):
        envs.async_reset()
    assert not any(is_alive(worker) for worker in worker_ids(envs))
    envs.close()


def test_a_wait_that_ctrl_c_interrupts_can_be_continued(worker_ids: Any) -> None:
    envs = make(2)
    alone = AtariVectorEnv(BREAKOUT, 2, 0)
    alone.reset(seed=1)
    envs.async_reset(seed=1)
    receive(envs, 2)
    for worker in worker_ids(envs):
        os.kill(worker, signal.SIGSTOP)
    envs.send(np.ones(2, int))
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        envs.recv()
    for worker in worker_ids(envs):
        os.kill(worker, signal.SIGCONT)
    received = receive(envs, 2)
    expected = alone.step(np.ones(2, int))[0]
    for game in range(2):
        np.testing.assert_array_equal(received[game][0], expected[game])
    envs.close()


@pytest.mark.parametrize("workers", [0, None])
def test_a_game_that_ctrl_c_interrupts_in_the_calling_process_is_restarted(
    workers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    games = 3 if workers == 0 else 6
    envs = make(games, workers, order="gymnasium")
    alone = AtariVectorEnv(BREAKOUT, games, 0, order="gymnasium")
    alone.reset(seed=1)
    envs.async_reset(seed=1)
    receive(envs, games)
    executor: Any = envs._stepper.executor
    skip = executor._own[1]._emulator._skip
    observe = skip.observe

    def interrupt(out: Any) -> None:
        monkeypatch.setattr(skip, "observe", observe)
        raise KeyboardInterrupt

    monkeypatch.setattr(skip, "observe", interrupt)
    envs.send(np.ones(games, int))
    received: dict[int, Any] = {}

    def receive_all() -> None:
        while len(received) < games:
            received.update(receive(envs, 1))

    with pytest.raises(KeyboardInterrupt):
        receive_all()
    receive_all()
    expected = alone.step(np.ones(games, int))[0]
    for game, (observation, truncated, infos) in received.items():
        assert truncated == (game == 1)
        assert ("worker_restarted" in infos) == (game == 1)
        if game != 1:
            np.testing.assert_array_equal(observation, expected[game])
    envs.close()


STEP_FOR_A_MINUTE = """
    import time

    import numpy as np
    from framering import AtariVectorEnv

    envs = AtariVectorEnv("BreakoutNoFrameskip-v4", 4, 2, batch_size=2)
    envs.async_reset()
    print(*[process.pid for process in envs._stepper.executor._processes], flush=True)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        *_, infos = envs.recv()
        envs.send(np.zeros(2, int), infos["env_id"])
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_survives_its_parent(
    ending: signal.Signals, is_alive: Any, wait_until: Any
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STEP_FOR_A_MINUTE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    lines = (line.split() for line in parent.stdout)
    workers = [int(word) for word in next(w for w in lines if w and all(map(str.isdigit, w)))]
    time.sleep(1.0)
    assert all(is_alive(worker) for worker in workers)
    parent.send_signal(ending)
    _, errors = parent.communicate(timeout=20)
    assert errors.count("Traceback") == (1 if ending == signal.SIGINT else 0)
    wait_until(lambda: not any(is_alive(worker) for worker in workers), 1.0)


@pytest.mark.parametrize("by", ["close", "garbage collection"])
def test_nothing_is_left_behind(by: str, worker_ids: Any, is_alive: Any) -> None:
    def use() -> list[int]:
        envs = make(3)
        envs.async_reset()
        envs.recv()
        if by == "close":
            envs.close()
        return worker_ids(envs)

    def left() -> tuple[int, int, str]:
        gc.collect()
        with (
            open("/proc/self/maps") as maps,
            open(f"/proc/self/task/{os.getpid()}/children") as ids,
        ):
            mappings = sum("framering" in line and "memfd" in line for line in maps)
            return len(os.listdir("/proc/self/fd")), mappings, ids.read()

    use()
    before = left()
    for _ in range(3):
        workers = use()
        gc.collect()
        assert not any(is_alive(worker) for worker in workers)
    assert left() == before


def make_with_replay(
    workers: int | None, saved: Path | None = None
) -> tuple[AtariVectorEnv, ReplayBuffer]:
    space = Box(0, 255, (4, 84, 84), np.uint8)
    replay = ReplayBuffer(900, space, Discrete(4), "cpu", n_envs=3, seed=1, shared=True)
    if saved is not None:
        replay.load(saved)
    return make(3, workers, replay=replay, autoreset_mode="SameStep"), replay


def step_one_by_one(envs: AtariVectorEnv, steps: int) -> None:
    draws = np.random.default_rng(0)
    for _ in range(steps):
        *_, infos = envs.recv()
        envs.send(draws.integers(4, size=1), infos["env_id"])


@pytest.mark.parametrize("workers", [0, 2, None])
def test_a_loaded_state_has_the_games_and_the_results_that_were_not_received(
    workers: int | None, tmp_path: Path, assert_equal: Any
) -> None:
    envs, replay = make_with_replay(workers)
    envs.async_reset(seed=3)
    step_one_by_one(envs, 100)
    idle = int(envs.recv()[-1]["env_id"][0])
    state = envs.state_dict()
    replay.save(tmp_path / "replay")
    again, _ = make_with_replay(workers, tmp_path / "replay")
    again.load_state_dict(state)

    *_, infos = again.recv()
    assert infos["env_id"].tolist() == [idle]
    assert infos["reset"].all()
    for _ in range(2):
        assert_equal(again.recv(), envs.recv())
    for game in (2, 0, 1):
        for one in (envs, again):
            one.send(np.array([1]), np.array([game]))
        assert_equal(again.recv(), envs.recv())
    for one in (envs, again):
        one.close()


def test_an_ended_episode_is_received_after_it_was_saved(tmp_path: Path, assert_equal: Any) -> None:
    envs, replay = make_with_replay(0)
    envs.async_reset(seed=3)
    draws = np.random.default_rng(0)
    columns = envs._stepper.columns
    while True:
        *_, infos = envs.recv()
        envs.send(draws.integers(4, size=1), infos["env_id"])
        if infos["env_id"][0] == 2 and not infos["reset"][0]:
            state = envs.state_dict()
            if columns.terminated.any() and columns.game_over.any():
                break
    replay.save(tmp_path / "replay")
    again, _ = make_with_replay(0, tmp_path / "replay")
    again.load_state_dict(state)
    ended = 0
    for _ in range(3):
        expected = envs.recv()
        ended += "final_obs" in expected[-1]
        assert_equal(again.recv(), expected)
    assert ended > 0


def test_saved_games_are_restored_as_after_a_reset() -> None:
    envs, _ = make_with_replay(2)
    envs.async_reset(seed=3)
    step_one_by_one(envs, 30)
    states = envs.save_games()
    observations, infos = envs.restore_games(states)
    assert observations.shape == (3, 4, 84, 84)
    received = receive(envs, 3)
    for game, (observation, truncated, more) in received.items():
        np.testing.assert_array_equal(observation, observations[game])
        assert not truncated
        assert more["reset"].all()
        assert more["lives"][0] == infos["lives"][game]
    envs.close()


DAMAGE = {
    "missing": lambda results: results.pop("reward"),
    "of other games": lambda results: results.update(ready=[0, 3]),
    "twice": lambda results: results.update(ready=[1, 1]),
    "too few": lambda results: results.update(reward=[0.0]),
    "text": lambda results: results.update(game_frames=["a", "b", "c"]),
    "ready text": lambda results: results.update(ready="all"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_results_are_refused_and_the_games_continue(damage: str) -> None:
    envs, _ = make_with_replay(0)
    alone = AtariVectorEnv(BREAKOUT, 3, 0, autoreset_mode="SameStep")
    alone.reset(seed=3)
    envs.async_reset(seed=3)
    receive(envs, 3)
    state = envs.state_dict()
    DAMAGE[damage](state["results"])
    with pytest.raises(ValueError, match="results: expected those of 3 games, got others"):
        envs.load_state_dict(state)
    envs.send(np.ones(3, int))
    expected = alone.step(np.ones(3, int))[0]
    for game, (observation, _, _) in receive(envs, 3).items():
        np.testing.assert_array_equal(observation, expected[game])


def test_a_worker_that_dies_while_games_are_saved_is_an_error_and_they_restart(
    worker_ids: Any,
) -> None:
    envs, _ = make_with_replay(2)
    envs.async_reset(seed=3)
    receive(envs, 3)
    kill(worker_ids(envs)[0])
    with (
        pytest.warns(RuntimeWarning, match="killed by SIGKILL"),
        pytest.raises(RuntimeError, match="a worker died while its games were saved"),
    ):
        envs.save_games()
    envs.send(np.ones(3, int))
    received = receive(envs, 3)
    assert [received[game][1] for game in range(3)] == [True, False, False]
    envs.close()
