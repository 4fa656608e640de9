"""Training with asynchronous environments: what is counted, and what a resumed run continues."""

import itertools
import os
import signal

import numpy as np
import pytest

from framering import AtariVectorEnv, TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.errors import ConfigError
from framering.replay.buffer import ReplayBuffer
from framering.training.checkpoint import load_checkpoint
from framering.training.loop import evaluation_is_due, train

pytestmark = pytest.mark.usefixtures("empty_folder_and_one_thread")

BREAKOUT = {
    "env_id": "BreakoutNoFrameskip-v4",
    "total_timesteps": 240,
    "num_envs": 5,
    "async_envs": True,
    "buffer_size": 2000,
    "learning_starts": 40,
    "batch_size": 4,
    "target_network_frequency": 50,
    "exploration_fraction": 0.5,
    "device": "cpu",
}


def test_each_environment_explores_with_its_own_epsilon(monkeypatch):
    seen, own = {}, [0.4 ** (1 + 7 * index / 4) for index in range(5)]
    recv, actions = AtariVectorEnv.recv, EpsilonGreedy.actions

    def recording_recv(self):
        result = recv(self)
        seen["games"] = result[-1]["env_id"]
        return result

    def recording_actions(self, observations, epsilon, greedy):
        seen["epsilons"] = dict(zip(seen["games"].tolist(), epsilon.tolist(), strict=True))
        return actions(self, observations, epsilon, greedy)

    monkeypatch.setattr(AtariVectorEnv, "recv", recording_recv)
    monkeypatch.setattr(EpsilonGreedy, "actions", recording_actions)
    met = set()

    def check(steps):
        if steps > 125:
            assert seen["epsilons"] == pytest.approx({game: own[game] for game in seen["games"]})
            met.update(seen["games"].tolist())

    train(TrainConfig(**BREAKOUT, num_workers=0, epsilons="apex", end_e=0.0), check)

    assert met == set(range(5))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_ratio_of_updates_to_steps_is_kept(monkeypatch, workers):
    calls = {"update": 0, "update_target": 0}

    def counted(name):
        plain = getattr(Learner, name)

        def method(self, *arguments):
            calls[name] += 1
            return plain(self, *arguments)

        return method

    for name in calls:
        monkeypatch.setattr(Learner, name, counted(name))
    steps = []

    result = train(TrainConfig(**BREAKOUT, num_workers=workers), steps.append)

    # Each step counts once, as soon as it has arrived; resets do not count.
    assert steps[-1] == result.steps
    assert result.steps in (240, 241)
    assert {after - before for before, after in itertools.pairwise(steps)} <= {1, 2}
    taken = range(41, result.steps)
    assert calls == {
        "update": len([step for step in taken if step % 4 == 0]),
        "update_target": len([step for step in taken if step % 50 == 0]),
    }


def test_every_step_that_arrived_is_in_the_buffer_before_its_update(monkeypatch):
    plain = ReplayBuffer.sample
    seen = []

    def sample(self, batch_size, **options):
        seen.append(len(self))
        return plain(self, batch_size, **options)

    monkeypatch.setattr(ReplayBuffer, "sample", sample)

    train(TrainConfig(**BREAKOUT, train_frequency=1, num_workers=2))

    assert all(stored > step for step, stored in zip(range(41, 240), seen, strict=False))


def test_the_policy_acts_for_half_of_the_environments(monkeypatch):
    rows = set()
    plain = Learner.greedy_actions

    def greedy_actions(self, observations):
        rows.add(len(observations))
        return plain(self, observations)

    monkeypatch.setattr(Learner, "greedy_actions", greedy_actions)

    train(TrainConfig(**{**BREAKOUT, "num_envs": 6, "num_workers": 2}))

    assert rows == {3}


def stopped_at(step, config):
    """Train until a signal comes after a step."""

    def stop(taken):
        if taken >= step:
            os.kill(os.getpid(), signal.SIGTERM)

    return train(config, stop)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_loses_no_step_and_counts_none_twice(monkeypatch, workers):
    received = []
    plain = AtariVectorEnv.recv

    def recv(self):
        results = plain(self)
        infos = results[-1]
        steps = ~infos["reset"]
        received.extend(zip(infos["env_id"][steps], infos["frame_number"][steps], strict=True))
        return results

    monkeypatch.setattr(AtariVectorEnv, "recv", recv)
    config = TrainConfig(**BREAKOUT, num_workers=workers, checkpoint_every=1000)

    stopped = stopped_at(100, config)
    state = load_checkpoint(stopped.folder).state
    unreceived = np.array(state["environments"]["results"]["ready"])
    resumed = train(TrainConfig(resume=str(stopped.folder)))

    assert stopped.interrupted
    assert 100 <= stopped.steps < 110
    assert sorted(unreceived.tolist()) == list(range(5))
    assert resumed.steps in (240, 241)
    # Each game's steps arrived in order, each once: its frame number rises with each of them, by
    # the frames of one step, but for starts of games, which take more.
    assert len(received) == resumed.steps
    for game in range(5):
        frames = np.array([frame for lane, frame in received if lane == game])
        assert (np.diff(frames) > 0).all()
        assert np.median(np.diff(frames)) == 4
        assert np.quantile(np.diff(frames), 0.9) == 4


def test_evaluations_are_due_once_for_each_multiple():
    config = TrainConfig(eval_every=10)
    due = []
    step = 0
    for taken in (0, 0, 3, 4, 0, 4, 4, 4, 0, 4):
        step += taken
        due.append(evaluation_is_due(config, step, taken))
    assert due == [False, False, False, False, False, True, False, False, False, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_envs": 1}, "--async-envs: expected --num-envs 2 or more beside it, got 1"),
        ({"pipeline": True}, "--async-envs: expected no --pipeline and no --no-pipeline"),
        ({"pipeline": False}, "--async-envs: expected no --pipeline and no --no-pipeline"),
        ({"capture_video": True}, "--async-envs: expected no --capture-video"),
        ({"env_id": "CartPole-v1"}, "--async-envs: expected an Atari game beside it, got CartPole"),
    ],
)
def test_settings_that_asynchronous_environments_exclude_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        train(TrainConfig(**{**BREAKOUT, **settings}))
