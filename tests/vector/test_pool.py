"""AtariVectorEnv with worker processes: the same games as without."""

import os
import time
from typing import Any

import gymnasium
import numpy as np
import pytest

from framering import AtariVectorEnv, ReplayBuffer

BREAKOUT = "BreakoutNoFrameskip-v4"


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_trajectories_do_not_depend_on_the_number_of_workers(
    mode: str, play: Any, assert_equal: Any
) -> None:
    plays = []
    for num_workers in (0, 1, 2, 5):
        envs = AtariVectorEnv(BREAKOUT, 5, num_workers, autoreset_mode=mode)
        plays.append(list(play(envs, 80)))
        envs.close()
    assert any(step[2].any() for step in plays[0][1:])
    for other in plays[1:]:
        assert_equal(tuple(plays[0]), tuple(other))


def test_workers_write_into_the_replay_buffer(play: Any) -> None:
    def collect(num_workers: int, shared: bool) -> Any:
        space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
        replay = ReplayBuffer(
            600, space, gymnasium.spaces.Discrete(4), "cpu", n_envs=3, seed=0, shared=shared
        )
        envs = AtariVectorEnv(BREAKOUT, 3, num_workers, replay=replay, autoreset_mode="SameStep")
        list(play(envs, 80))
        envs.close()
        return replay.sample(200)

    for here, there in zip(collect(0, False)[:5], collect(2, True)[:5], strict=True):
        assert here.equal(there)


def test_by_default_the_caller_and_workers_share_the_games(
    monkeypatch: pytest.MonkeyPatch, play: Any, assert_equal: Any
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})
    for num_envs, num_workers in ((1, 0), (2, 1), (7, 2)):
        envs = AtariVectorEnv(BREAKOUT, num_envs)
        assert envs.num_workers == num_workers
        alone = AtariVectorEnv(BREAKOUT, num_envs, 0)
        assert_equal(tuple(play(envs, 40)), tuple(play(alone, 40)))
        envs.close()


def test_the_caller_is_free_between_send_and_recv(wait_until: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset(seed=0)
    before = envs._ring.published()
    envs.send(np.zeros(2, int))
    # The workers finish without anybody waiting for them.
    wait_until(lambda: (envs._ring.published() == before + 1).all())
    assert envs.recv()[0].shape == (2, 4, 84, 84)
    envs.close()


def test_a_partial_reset_leaves_the_other_games_alone(play: Any, assert_equal: Any) -> None:
    local = AtariVectorEnv(BREAKOUT, 4, 0)
    envs = AtariVectorEnv(BREAKOUT, 4, 2)
    mask = np.array([True, False, False, True])
    for one in (local, envs):
        list(play(one, 20))
    options = {"reset_mask": mask}
    assert_equal(envs.reset(seed=9, options=options), local.reset(seed=9, options=options))
    assert_equal(envs.step(np.ones(4, int)), local.step(np.ones(4, int)))
    envs.close()


def test_workers_render_the_screens_of_their_games(play: Any, assert_equal: Any) -> None:
    local = AtariVectorEnv(BREAKOUT, 3, 0, render_mode="rgb_array")
    envs = AtariVectorEnv(BREAKOUT, 3, 2, render_mode="rgb_array")
    for one in (local, envs):
        list(play(one, 10))
    assert_equal(envs.render(), local.render())
    assert_equal(envs.step(np.ones(3, int)), local.step(np.ones(3, int)))
    envs.close()


def test_idle_workers_take_no_processor_time(worker_ids: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 2)
    envs.reset()

    def nanoseconds_on_a_core() -> int:
        times = []
        for worker in worker_ids(envs):
            with open(f"/proc/{worker}/schedstat") as schedstat:
                times.append(int(schedstat.read().split()[0]))
        return sum(times)

    time.sleep(0.1)
    before = nanoseconds_on_a_core()
    time.sleep(1.0)
    assert nanoseconds_on_a_core() - before < 50e6
    envs.close()
