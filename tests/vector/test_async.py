"""AtariVectorEnv with batch_size: whichever games are ready, each exactly as it plays alone."""

import itertools
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from framering import AtariVectorEnv, ReplayBuffer, _core
from framering.vector import worker

BREAKOUT = "BreakoutNoFrameskip-v4"
PONG = "PongNoFrameskip-v4"


@pytest.fixture
def _three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2})


class Alone:
    """Single synchronous games that take the same actions, to compare with."""

    def __init__(self, games: int, mode: str, seed: int) -> None:
        self._envs = [AtariVectorEnv(BREAKOUT, 1, 0, autoreset_mode=mode) for _ in range(games)]
        self._first = [env.reset(seed=seed + game) for game, env in enumerate(self._envs)]

    def first(self, game: int) -> Any:
        return self._first[game][0][0]

    def step(self, game: int, action: int) -> Any:
        return self._envs[game].step(np.array([action]))


def actions_of(seed: int) -> Iterator[int]:
    draws = np.random.default_rng(seed)
    return (int(draws.integers(4)) for _ in itertools.count())


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize(
    ("games", "workers", "batch_size"),
    [(5, 2, 2), (5, 0, 3), (3, 3, 3), (5, None, 2), (5, None, 5), (5, None, 1)],
)
@pytest.mark.usefixtures("_three_cores")
def test_each_game_plays_as_it_does_alone(
    mode: str, games: int, workers: int | None, batch_size: int
) -> None:
    envs = AtariVectorEnv(BREAKOUT, games, workers, batch_size=batch_size, autoreset_mode=mode)
    alone = Alone(games, mode, seed=7)
    actions = [actions_of(game) for game in range(games)]
    sent: dict[int, int | None] = dict.fromkeys(range(games))
    ended = resets = 0
    envs.async_reset(seed=7)
    for _ in range(400 // batch_size):
        observations, rewards, terminations, truncations, infos = envs.recv()
        assert observations.shape == (batch_size, 4, 84, 84)
        for row, game in enumerate(infos["env_id"].tolist()):
            action = sent.pop(game)
            if action is None:
                np.testing.assert_array_equal(observations[row], alone.first(game))
                assert infos["reset"][row]
                continue
            expected = alone.step(game, action)
            got = (observations, rewards, terminations, truncations)
            for mine, theirs in zip(got, expected[:4], strict=True):
                np.testing.assert_array_equal(mine[row], theirs[0])
            compare_infos(infos, row, expected[4])
            ended += bool(terminations[row] or truncations[row])
            resets += infos["reset"][row]
        sent |= {game: next(actions[game]) for game in infos["env_id"].tolist()}
        envs.send(np.array([sent[game] for game in infos["env_id"].tolist()]), infos["env_id"])
    assert ended > 0
    assert (resets > 0) == (mode == "NextStep")
    envs.close()


def compare_infos(infos: dict[str, Any], row: int, expected: dict[str, Any]) -> None:
    for name in ("lives", "frame_number", "episode_frame_number"):
        assert infos[name][row] == expected[name][0]
    for name in ("_episode", "_final_obs"):
        assert bool(infos.get(name, np.zeros(row + 1, bool))[row]) == (name in expected)
    if "_episode" in expected:
        for name in "rl":
            assert infos["episode"][name][row] == expected["episode"][name][0]
    if "_final_obs" in expected:
        np.testing.assert_array_equal(infos["final_obs"][row], expected["final_obs"][0])
        for name in ("lives", "frame_number"):
            assert infos["final_info"][name][row] == expected["final_info"][name][0]


def test_envpools_asynchronous_loop_runs() -> None:
    num_envs, batch_size = 6, 2
    env = AtariVectorEnv(PONG, num_envs=num_envs, batch_size=batch_size)
    action_num = env.single_action_space.n
    received = np.zeros(num_envs, int)

    env.async_reset()  # send the initial reset signal to all envs
    while received.min() < 20:
        obs, rew, term, trunc, info = env.recv()
        env_id = info["env_id"]
        action = np.random.randint(action_num, size=batch_size)
        env.send(action, env_id)
        assert obs in env.observation_space
        assert [len(column) for column in (rew, term, trunc, env_id)] == [batch_size] * 4
        received[env_id] += 1

    env.close()


def test_a_step_is_send_and_recv_after_a_reset() -> None:
    env = AtariVectorEnv(PONG, 4, 2, batch_size=3)
    observations, infos = env.reset(seed=1)
    assert observations.shape == (3, 4, 84, 84)
    assert infos["reset"].all()
    for _ in range(10):
        observations, *_, infos = env.step(np.zeros(3, int), infos["env_id"])
    assert infos["env_id"].shape == (3,)
    assert observations in env.observation_space
    assert np.zeros(3, int) in env.action_space
    env.close()


def test_a_worker_does_not_hold_its_ready_games_back() -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=0, lanes=3)
    ready = []

    class Lane:
        def execute(self) -> None:
            ready.append(channel.take_ready(3).tolist())

    channel.start(np.array([2, 0, 1]), np.zeros(3, int))
    spec: Any = SimpleNamespace(worker=0, first_lane=0, last_lane=3)
    lanes: Any = [Lane()] * 3
    worker._execute_running(channel, spec, lanes)
    # Each game is ready before the next one is stepped.
    assert ready == [[], [2], [0]]
    assert channel.take_ready(3).tolist() == [1]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_first_ready_is_first_returned(workers: int, wait_until: Any) -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, workers, batch_size=2)
    envs.reset(seed=0)
    envs.recv()
    before = envs._ring.published()
    for game in (3, 0, 2, 1):
        envs.send(np.array([1]), np.array([game]))
        if workers:
            wait_until(lambda game=game: envs._ring.published()[game] > before[game])
    assert envs.recv()[-1]["env_id"].tolist() == [3, 0]
    # Games that become ready later do not overtake those that are.
    envs.send(np.array([1, 1]), np.array([3, 0]))
    assert envs.recv()[-1]["env_id"].tolist() == [2, 1]
    assert sorted(envs.recv()[-1]["env_id"].tolist()) == [0, 3]
    envs.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_games_of_a_process_take_turns_whatever_the_size_of_batches(workers: int) -> None:
    envs = AtariVectorEnv(PONG, 5, workers, batch_size=2)
    envs.async_reset()
    received: list[int] = []
    for _ in range(100):
        *_, infos = envs.recv()
        received += infos["env_id"].tolist()
        envs.send(np.zeros(2, int), infos["env_id"])
    # Each turn takes all games that were started, in this order.
    assert received == received[:5] * 40
    envs.close()


WRONG = [
    ([0, 1], [0], ValueError, r"actions: expected shape \(1,\), got \(2,\)"),
    ([0], [0, 1], ValueError, r"actions: expected shape \(2,\), got \(1,\)"),
    ([0, 0], [1, 1], ValueError, r"env_id: expected each game once, got \[1, 1\]"),
    ([0], [4], ValueError, r"env_id: expected integers in \[0, 4\), got \[4\]"),
    ([0], [-1], ValueError, r"env_id: expected integers in \[0, 4\), got \[-1\]"),
    ([0], [0.0], TypeError, "env_id: expected integers, got float64"),
    ([0], [True], TypeError, "env_id: expected integers, got bool"),
    ([0], 0, ValueError, r"env_id: expected shape \(games,\), got \(\)"),
    ([], [], ValueError, r"env_id: expected shape \(games,\), got \(0,\)"),
    ([[0]], [[0]], ValueError, r"env_id: expected shape \(games,\), got \(1, 1\)"),
    ([0], [[0], [1, 2]], ValueError, "env_id: expected one array of integers"),
    ([4], [0], ValueError, r"actions: expected integers in \[0, 4\), got \[4\]"),
    ([0, 0], None, ValueError, r"actions: expected shape \(4,\), got \(2,\)"),
    (
        [0],
        [3],
        gymnasium.error.AlreadyPendingCallError,
        r"games \[3\] were started already: recv",
    ),
    ([0, 0], [2, 3], gymnasium.error.AlreadyPendingCallError, r"games \[3\] were started already"),
]


@pytest.mark.parametrize("workers", [0, 2])
def test_wrong_actions_and_games_are_refused_before_anything_changes(workers: int) -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, workers, batch_size=1)
    envs.async_reset(seed=0)
    for _ in range(4):
        envs.recv()
    envs.send(np.array([1]), np.array([3]))
    for actions, env_id, expected, message in WRONG:
        with pytest.raises(expected, match=message):
            envs.send(actions, env_id)
    assert envs.recv()[-1]["env_id"].tolist() == [3]
    for call in (envs.recv, lambda: envs.step(np.array([0, 4]), np.array([0, 1]))):
        with pytest.raises((gymnasium.error.NoAsyncCallError, ValueError)):
            call()
    envs.send(np.ones(4, int))
    alone = Alone(4, "NextStep", seed=0)
    for _ in range(4):
        observations, *_, infos = envs.recv()
        game = int(infos["env_id"][0])
        expected = alone.step(game, 1)
        if game == 3:
            expected = alone.step(game, 1)
        np.testing.assert_array_equal(observations, expected[0])
    envs.close()


def test_recv_that_would_never_return_is_refused() -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, 2, batch_size=3)
    with pytest.raises(gymnasium.error.NoAsyncCallError, match=r"batch_size=3 .* got 0"):
        envs.recv()
    with pytest.raises(gymnasium.error.ResetNeeded, match="call async_reset or reset first"):
        envs.send(np.zeros(1, int), np.array([0]))
    _, infos = envs.reset()
    with pytest.raises(gymnasium.error.NoAsyncCallError, match=r"batch_size=3 .* got 1"):
        envs.recv()
    envs.send(np.zeros(2, int), infos["env_id"][:2])
    assert envs.recv()[0].shape == (3, 4, 84, 84)
    envs.close()
    for call in (envs.recv, envs.async_reset, lambda: envs.send([0], [0])):
        with pytest.raises(gymnasium.error.ClosedEnvironmentError, match="closed"):
            call()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [(0, ValueError), (5, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)],
)
def test_a_wrong_batch_size_is_refused(wrong: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="batch_size: expected an integer"):
        AtariVectorEnv(BREAKOUT, 4, 0, batch_size=wrong)


def test_asynchronous_calls_without_batch_size_are_refused() -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, 0)
    with pytest.raises(ValueError, match="batch_size: expected a number of games for async_reset"):
        envs.async_reset()
    envs.reset()
    with pytest.raises(ValueError, match="env_id: expected None without batch_size"):
        envs.step(np.zeros(2, int), np.arange(2))


def test_a_reset_with_a_mask_starts_only_these_games() -> None:
    envs = AtariVectorEnv(BREAKOUT, 4, 2, batch_size=2, autoreset_mode="Disabled")
    mask = np.array([True, False, False, False])
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset all games once"):
        envs.async_reset(options={"reset_mask": mask})
    envs.async_reset(seed=5)
    with pytest.raises(gymnasium.error.AlreadyPendingCallError, match=r"games \[0\] were started"):
        envs.async_reset(options={"reset_mask": mask})
    first = dict(itertools.chain(*(results(envs.recv()) for _ in range(2))))
    with pytest.raises(ValueError, match="reset_mask: expected none in reset with batch_size"):
        envs.reset(options={"reset_mask": mask})
    envs.async_reset(seed=5, options={"reset_mask": mask})
    envs.send(np.array([0]), np.array([3]))
    again = dict(results(envs.recv()))
    assert again.keys() == {0, 3}
    np.testing.assert_array_equal(again[0], first[0])
    envs.close()


def results(received: Any) -> Iterator[tuple[int, Any]]:
    return zip(received[-1]["env_id"].tolist(), received[0], strict=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_ended_games_need_a_reset_where_nothing_resets_them(workers: int) -> None:
    envs = AtariVectorEnv(BREAKOUT, 2, workers, batch_size=1, autoreset_mode="Disabled")
    envs.async_reset(seed=0)
    envs.recv()
    *_, infos = envs.recv()
    ended = np.zeros(1, bool)
    while not ended:
        envs.send(np.array([2]), infos["env_id"])
        *_, terminations, truncations, infos = envs.recv()
        ended = terminations | truncations
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"have ended: reset them by async_reset"):
        envs.send(np.array([2]), infos["env_id"])
    mask = np.arange(2) == infos["env_id"]
    envs.async_reset(options={"reset_mask": mask})
    *_, infos = envs.recv()
    assert infos["reset"].all()
    envs.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_reset_in_the_middle_starts_all_games_again(workers: int) -> None:
    envs = AtariVectorEnv(BREAKOUT, 5, workers, batch_size=2)
    seen = []
    for _ in range(2):
        envs.async_reset(seed=3)
        first = dict(itertools.chain(*(results(envs.recv()) for _ in range(2))))
        seen.append(first)
        for game in first:
            envs.send(np.array([1]), np.array([game]))
        envs.recv()
    for game in seen[0].keys() & seen[1].keys():
        np.testing.assert_array_equal(seen[0][game], seen[1][game])
    envs.close()


def test_observations_are_new_arrays_unless_copy_is_false() -> None:
    for copy in (True, False):
        envs = AtariVectorEnv(PONG, 2, 0, batch_size=1, copy=copy)
        envs.async_reset(seed=0)
        first = envs.recv()[0]
        kept = first.copy()
        second = envs.recv()[0]
        assert (first is second) == (not copy)
        assert np.array_equal(first, kept) == copy


def test_rendering_waits_for_running_games_and_keeps_their_results(assert_equal: Any) -> None:
    rendered = []
    for workers in (0, 2):
        envs = AtariVectorEnv(BREAKOUT, 3, workers, batch_size=1, render_mode="rgb_array")
        envs.async_reset(seed=2)
        for _ in range(3):
            envs.recv()
        envs.send(np.array([1, 2, 3]))
        rendered.append(envs.render())
        received = [envs.recv() for _ in range(3)]
        assert sorted(int(one[-1]["env_id"][0]) for one in received) == [0, 1, 2]
        assert not any(one[-1]["reset"][0] for one in received)
        envs.close()
    assert_equal(*rendered)


@pytest.mark.usefixtures("_three_cores")
def test_by_default_the_caller_and_workers_share_the_games() -> None:
    for num_envs, num_workers, own in ((1, 0, 1), (2, 1, 1), (7, 2, 2)):
        envs = AtariVectorEnv(BREAKOUT, num_envs, batch_size=1)
        assert envs.num_workers == num_workers
        assert len(own_lanes(envs)) == own
        envs.close()
    for num_workers, own in ((0, 2), (1, 0), (2, 0)):
        envs = AtariVectorEnv(BREAKOUT, 2, num_workers, batch_size=1)
        assert len(own_lanes(envs)) == own
        envs.close()


def own_lanes(envs: AtariVectorEnv) -> Any:
    executor: Any = envs._stepper.executor
    return executor._own


def wait_ready(envs: AtariVectorEnv, number: int) -> None:
    """Wait until workers have finished a number of games."""
    executor: Any = envs._stepper.executor
    assert executor._channel.wait_ready(number, 0.0, 20.0) >= number


@pytest.mark.usefixtures("_three_cores")
def test_the_caller_executes_no_more_games_than_it_needs() -> None:
    envs = AtariVectorEnv(BREAKOUT, 6, batch_size=3)
    envs.async_reset(seed=0)
    for _ in range(2):
        envs.recv()
    # One game of a worker is ready when recv is called, and the caller has two.
    envs.send(np.array([1]), np.array([5]))
    wait_ready(envs, 1)
    envs.send(np.array([1, 1]), np.array([1, 0]))
    assert envs.recv()[-1]["env_id"].tolist() == [5, 1, 0]
    # Enough games of workers are ready: the caller executes none of its own.
    before = envs._ring.published()
    envs.send(np.ones(6, int), np.array([0, 1, 2, 3, 4, 5]))
    wait_ready(envs, 4)
    assert set(envs.recv()[-1]["env_id"].tolist()) < {2, 3, 4, 5}
    assert (envs._ring.published()[:2] == before[:2]).all()
    assert envs.recv()[-1]["env_id"].tolist()[1:] == [0, 1]
    envs.close()


@pytest.mark.usefixtures("_three_cores")
def test_games_of_a_caller_that_is_busy_elsewhere_do_not_starve() -> None:
    envs = AtariVectorEnv(BREAKOUT, 3, batch_size=1)
    envs.async_reset(seed=0)
    received = np.zeros(3, int)
    for _ in range(40):
        wait_ready(envs, 1)
        *_, infos = envs.recv()
        received[infos["env_id"]] += 1
        envs.send(np.ones(1, int), infos["env_id"])
    # A game of the caller waits for two steps of each game, and then for results before its own.
    assert received[0] >= 40 // (3 * 3)
    envs.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_every_sampled_transition_is_what_its_game_plays_alone(workers: int) -> None:
    games = 5
    space = Box(0, 255, (4, 84, 84), np.uint8)
    replay = ReplayBuffer(
        1500, space, Discrete(4), "cpu", n_envs=games, seed=0, shared=True, n_step=1
    )
    envs = AtariVectorEnv(
        BREAKOUT, games, workers, replay=replay, batch_size=2, autoreset_mode="SameStep"
    )
    alone = Alone(games, "SameStep", seed=11)
    stacks = {game: alone.first(game) for game in range(games)}
    transitions = set()
    waiting = np.random.default_rng(0)
    envs.async_reset(seed=11)
    sent: dict[int, int] = {}
    for _ in range(250):
        *_, infos = envs.recv()
        for game in infos["env_id"].tolist():
            if game in sent:
                action = sent.pop(game)
                after, reward, terminated, _, more = alone.step(game, action)
                final = more["final_obs"][0] if "final_obs" in more else after[0]
                transitions.add(key(stacks[game], action, reward[0], terminated[0], final))
                stacks[game] = after[0]
            sent[game] = int(waiting.integers(4))
        env_id = waiting.permutation(infos["env_id"])
        envs.send(np.array([sent[game] for game in env_id.tolist()]), env_id)
    envs.close()
    # What was started and not received is in the ring, too.
    for game, action in sent.items():
        after, reward, terminated, _, more = alone.step(game, action)
        final = more["final_obs"][0] if "final_obs" in more else after[0]
        transitions.add(key(stacks[game], action, reward[0], terminated[0], final))
    batch = replay.sample(1000)
    columns = (batch.observations, batch.actions, batch.rewards, batch.dones)
    found = set()
    for obs, action, reward, done, next_obs in zip(
        *(column.numpy() for column in (*columns, batch.next_observations)), strict=True
    ):
        found.add(key(obs, action[0], reward[0], done[0], next_obs))
    assert len(found) > 250
    assert found <= transitions


def key(obs: Any, action: int, reward: float, terminated: bool, next_obs: Any) -> int:
    return hash((obs.tobytes(), int(action), float(reward), bool(terminated), next_obs.tobytes()))
