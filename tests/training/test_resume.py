import os
import signal
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from framering import TrainConfig
from framering.errors import ConfigError
from framering.training.checkpoint import load_checkpoint
from framering.training.loop import train

pytestmark = pytest.mark.usefixtures("empty_folder_and_one_thread")

PONG = {
    "env_id": "PongNoFrameskip-v4",
    "total_timesteps": 240,
    "buffer_size": 150,
    "learning_starts": 40,
    "batch_size": 4,
    "target_network_frequency": 50,
    "exploration_fraction": 0.5,
    "device": "cpu",
}


def stopped_at(step, config, number=signal.SIGTERM):
    """Train until a signal comes after a step."""

    def stop(taken):
        if taken == step:
            os.kill(os.getpid(), number)

    return train(config, stop)


def assert_same(first, second):
    first, second = first.q_network.state_dict(), second.q_network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_envs": 3, "num_workers": 2},
        {"num_envs": 2, "num_workers": 0, "pipeline": False, "n_step": 3, "double_dqn": True},
        {"num_envs": 2, "num_workers": 1, "prioritized": True, "n_step": 2},
        {"head": "iqn", "noisy": True, "augment": True, "gradient_steps": 2},
        {"head": "c51", "munchausen": True, "dueling": True, "prioritized": True},
    ],
)
def test_a_resumed_run_gives_the_weights_of_one_that_never_stopped(settings):
    whole = train(TrainConfig(**PONG, **settings))

    stopped = stopped_at(120, TrainConfig(**PONG, **settings, checkpoint_every=1000))
    resumed = train(TrainConfig(resume=str(stopped.folder)))

    assert stopped.interrupted
    assert (stopped.steps, resumed.steps) == (120, whole.steps)
    assert_same(whole, resumed)


@pytest.mark.parametrize(
    "settings",
    [{}, {"prioritized": True, "exploration_fraction": 0.9}, {"num_envs": 2, "num_workers": 1}],
)
def test_an_extended_run_gives_the_weights_of_one_that_was_that_long_with_its_schedules(settings):
    settings = {**PONG, **settings}
    long = {**settings, "total_timesteps": 400, "schedule_timesteps": 240}
    whole = train(TrainConfig(**long))

    finished = train(TrainConfig(**settings, checkpoint_every=120))
    extended = train(TrainConfig(resume=str(finished.folder)), total_timesteps=320)
    again = train(TrainConfig(resume=str(finished.folder)), total_timesteps=400)

    assert (finished.steps, extended.steps, again.steps) == (240, 320, 400)
    assert not finished.interrupted
    assert_same(whole, again)


def test_an_extended_runs_epsilon_and_beta_stay_where_they_ended(monkeypatch):
    seen = []

    def log_step(self, step, epsilon, envs, infos, taken):
        seen.append((step, epsilon))

    settings = {**PONG, "env_id": "CartPole-v1", "exploration_fraction": 1.0, "start_e": 0.5}
    finished = train(TrainConfig(**settings, end_e=0.0, checkpoint_every=240))
    monkeypatch.setattr("framering.reporting.run_logger.RunLogger.log_step", log_step)

    train(TrainConfig(resume=str(finished.folder)), total_timesteps=300)

    assert seen == [(step, 0.0) for step in range(240, 300)]


@pytest.mark.parametrize("total", [-1, 0, 239, 240])
def test_a_run_is_not_extended_to_steps_that_it_has_taken(total, capsys):
    settings = {**PONG, "env_id": "CartPole-v1"}
    finished = train(TrainConfig(**settings, checkpoint_every=240))
    before = sorted(finished.folder.rglob("*"))

    with pytest.raises(ConfigError, match=f"more than the 240 steps .* taken, got {total}; give"):
        train(TrainConfig(resume=str(finished.folder)), total_timesteps=total)
    assert sorted(finished.folder.rglob("*")) == before


def test_a_finished_run_has_a_checkpoint_of_its_last_step():
    settings = {**PONG, "env_id": "CartPole-v1"}
    finished = train(TrainConfig(**settings, checkpoint_every=100))

    assert load_checkpoint(finished.folder).state["step"] == 240


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint():
    class KilledError(Exception):
        pass

    def kill(taken):
        if taken == 170:
            raise KilledError

    whole = train(TrainConfig(**PONG))
    with pytest.raises(KilledError):
        train(TrainConfig(**PONG, checkpoint_every=50, exp_name="killed"), kill)
    (folder,) = (path for path in whole.folder.parent.iterdir() if "killed" in path.name)

    assert load_checkpoint(folder).state["step"] == 150
    assert_same(whole, train(TrainConfig(resume=str(folder))))


def test_events_of_steps_that_are_repeated_are_written_once():
    config = {**PONG, "total_timesteps": 500}

    def stop(taken):
        if taken == 450:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(TrainConfig(**config, checkpoint_every=250), stop)
    (folder,) = (path for path in Path("runs").iterdir())
    train(TrainConfig(resume=str(folder)))

    written = EventAccumulator(str(folder))
    written.Reload()
    assert [event.step for event in written.Scalars("losses/td_loss")] == [100, 200, 300, 400]


def test_environments_that_cant_be_saved_begin_new_episodes():
    settings = {**PONG, "env_id": "CartPole-v1", "total_timesteps": 600}

    stopped = stopped_at(300, TrainConfig(**settings, checkpoint_every=100))
    resumed = train(TrainConfig(resume=str(stopped.folder)))

    assert resumed.steps == 600


def test_evaluations_during_training_change_no_weight(tmp_path):
    settings = {**PONG, "env_id": "CartPole-v1", "total_timesteps": 600}
    plain = train(TrainConfig(**settings))

    evaluated = train(TrainConfig(**settings, eval_every=200, exp_name="evaluated"))

    written = EventAccumulator(str(evaluated.folder))
    written.Reload()
    assert [event.step for event in written.Scalars("eval/mean_return")] == [200, 400, 600]
    assert_same(plain, evaluated)


def test_a_full_disk_at_a_checkpoint_is_a_warning(monkeypatch, capsys):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("framering.replay.buffer.ReplayBuffer.save", full)

    result = train(TrainConfig(**PONG, checkpoint_every=100))

    assert result.steps == 240
    assert capsys.readouterr().out.count("warning: no checkpoint at step") == 3
    assert list((result.folder / "checkpoints").iterdir()) == []


def test_resuming_a_folder_without_a_checkpoint_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a checkpoint in .*, got none"):
        train(TrainConfig(resume=str(tmp_path)))
