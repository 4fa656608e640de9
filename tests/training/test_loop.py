import dataclasses
import os
import random
import shlex
import signal
import subprocess
import sys
import time

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional

from framering import TrainConfig
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.dqn.network import VectorQNetwork
from framering.dqn.weights import load_network
from framering.errors import ConfigError
from framering.presets import preset
from framering.replay.buffer import ReplayBuffer
from framering.replay.prioritized import PrioritizedReplayBuffer
from framering.training import components, finish, loop
from framering.training.loop import train
from framering.training.ranks import Ranks, share_of

pytestmark = pytest.mark.usefixtures("empty_folder_and_one_thread")

SHORT = {
    "env_id": "CartPole-v1",
    "total_timesteps": 600,
    "buffer_size": 1000,
    "learning_starts": 100,
    "batch_size": 16,
    "device": "cpu",
}


class PicturedCartPole(CartPoleEnv):
    """CartPole whose pictures need no pygame."""

    def render(self):
        return np.full((40, 60, 3), 128, np.uint8)


gymnasium.register("PicturedCartPole-v0", PicturedCartPole, max_episode_steps=500)


class CleanRLDqn:
    """What CleanRL's dqn_atari.py does with its network."""

    def __init__(self, config):
        self.network_options = {}
        self.gamma = config.gamma
        self.adam = {"lr": config.learning_rate}

    def values(self, network, observations):
        return network(observations)

    def loss(self, network, target, data):
        with torch.no_grad():
            best = target(data.next_observations).max(dim=1).values
            goal = data.rewards.flatten() + self.gamma * best * (1 - data.dones.flatten())
        values = network(data.observations).gather(1, data.actions).squeeze()
        return functional.mse_loss(goal, values)


class CleanRLC51:
    """What CleanRL's c51_atari.py does with its network's logits."""

    n_atoms, v_min, v_max = 21, -4.0, 12.0

    def __init__(self, config):
        self.network_options = {
            "head": "c51",
            "n_atoms": self.n_atoms,
            "v_min": self.v_min,
            "v_max": self.v_max,
        }
        self.gamma = config.gamma
        self.adam = {"lr": config.learning_rate, "eps": 0.01 / config.batch_size}
        self.atoms = torch.linspace(self.v_min, self.v_max, steps=self.n_atoms)

    def get_action(self, network, x, action=None):
        logits = network.network(x)
        pmfs = torch.softmax(logits.view(len(x), 2, self.n_atoms), dim=2)
        q_values = (pmfs * self.atoms).sum(2)
        if action is None:
            action = torch.argmax(q_values, 1)
        return q_values, pmfs[torch.arange(len(x)), action]

    def values(self, network, observations):
        return self.get_action(network, observations)[0]

    def loss(self, network, target, data):
        with torch.no_grad():
            _, next_pmfs = self.get_action(target, data.next_observations)
            next_atoms = data.rewards + self.gamma * self.atoms * (1 - data.dones)
            spacing = self.atoms[1] - self.atoms[0]
            b = (next_atoms.clamp(self.v_min, self.v_max) - self.v_min) / spacing
            low = b.floor().clamp(0, self.n_atoms - 1)
            high = b.ceil().clamp(0, self.n_atoms - 1)
            low_share = (high + (low == high).float() - b) * next_pmfs
            high_share = (b - low) * next_pmfs
            target_pmfs = torch.zeros_like(next_pmfs)
            for i in range(len(target_pmfs)):
                target_pmfs[i].index_add_(0, low[i].long(), low_share[i])
                target_pmfs[i].index_add_(0, high[i].long(), high_share[i])
        _, pmfs = self.get_action(network, data.observations, data.actions.flatten())
        return (-(target_pmfs * pmfs.clamp(min=1e-5, max=1 - 1e-5).log()).sum(-1)).mean()


def cleanrl_weights(config, algorithm):
    """Train as CleanRL's loop does: every operation in its order, one environment, its draws."""
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    env = gymnasium.make(config.env_id)
    space = env.action_space
    space.seed(config.seed)
    network = VectorQNetwork(2, (4,), **algorithm.network_options)
    optimizer = torch.optim.Adam(network.parameters(), fused=True, **algorithm.adam)
    target = VectorQNetwork(2, (4,), **algorithm.network_options)
    target.load_state_dict(network.state_dict())
    replay = ReplayBuffer(
        config.buffer_size,
        env.observation_space,
        space,
        "cpu",
        handle_timeout_termination=False,
        seed=config.seed,
    )
    obs, _ = env.reset(seed=config.seed)
    for step in range(config.total_timesteps):
        duration = config.exploration_fraction * config.total_timesteps
        slope = (config.end_e - config.start_e) / duration
        if random.random() < max(slope * step + config.start_e, config.end_e):
            action = space.sample()
        else:
            action = int(algorithm.values(network, torch.tensor(obs[None])).argmax())
        next_obs, reward, terminated, truncated, _ = env.step(action)
        replay.add(
            obs[None],
            next_obs[None],
            np.array([action]),
            np.array([reward]),
            np.array([terminated]),
            [{}],
        )
        obs = env.reset()[0] if terminated or truncated else next_obs
        if step > config.learning_starts:
            if step % config.train_frequency == 0:
                data = replay.sample(config.batch_size)
                optimizer.zero_grad()
                algorithm.loss(network, target, data).backward()
                optimizer.step()
            if step % config.target_network_frequency == 0:
                for slow, fast in zip(target.parameters(), network.parameters(), strict=True):
                    slow.data.copy_(config.tau * fast.data + (1.0 - config.tau) * slow.data)
    return network.state_dict()


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1},
        {"seed": 2, "tau": 0.1, "train_frequency": 3, "target_network_frequency": 7},
        {"seed": 3, "exploration_fraction": 1.0, "learning_starts": 400, "batch_size": 8},
    ],
)
def test_one_environment_gives_the_weights_of_cleanrls_loop_bit_for_bit(settings):
    config = TrainConfig(**{**SHORT, "target_network_frequency": 50, **settings})

    ours = train(config).q_network.state_dict()

    theirs = cleanrl_weights(config, CleanRLDqn(config))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("settings", [{"seed": 1}, {"seed": 2, "batch_size": 32, "gamma": 0.9}])
def test_the_c51_preset_gives_the_weights_of_cleanrls_loop_bit_for_bit(settings):
    algorithm = CleanRLC51
    config = dataclasses.replace(
        preset("cleanrl-c51"),
        **{**SHORT, "target_network_frequency": 50, "total_timesteps": 1600, **settings},
        n_atoms=algorithm.n_atoms,
        v_min=algorithm.v_min,
        v_max=algorithm.v_max,
    )
    config.adam_eps = 0.01 / config.batch_size

    ours = train(config).q_network.state_dict()

    theirs = cleanrl_weights(config, CleanRLC51(config))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("num_envs", [1, 3, 8])
def test_frequencies_count_environment_steps(monkeypatch, num_envs):
    calls = {"update": 0, "update_target": 0}

    def counted(name):
        plain = getattr(Learner, name)

        def method(self, *arguments):
            calls[name] += 1
            return plain(self, *arguments)

        return method

    for name in calls:
        monkeypatch.setattr(Learner, name, counted(name))
    config = TrainConfig(
        **{**SHORT, "total_timesteps": 480, "num_envs": num_envs, "target_network_frequency": 40}
    )

    assert train(config).steps == 480
    assert calls == {
        "update": len([step for step in range(101, 480) if step % 4 == 0]),
        "update_target": len([step for step in range(101, 480) if step % 40 == 0]),
    }


def test_gradient_steps_are_updates_on_batches_of_their_own(monkeypatch):
    batches = []
    plain = Learner.update

    def update(self, batch):
        batches.append(batch.observations.clone())
        return plain(self, batch)

    monkeypatch.setattr(Learner, "update", update)

    train(TrainConfig(**{**SHORT, "total_timesteps": 130, "gradient_steps": 3}))

    assert len(batches) == 3 * len([step for step in range(101, 130) if step % 4 == 0])
    assert not torch.equal(batches[0], batches[1])


def same_weights(first, second):
    first, second = first.q_network.state_dict(), second.q_network.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_same_seed_gives_the_same_weights():
    config = TrainConfig(**SHORT, num_envs=2)

    assert same_weights(train(config), train(config))


PONG = {**SHORT, "env_id": "PongNoFrameskip-v4", "total_timesteps": 180, "batch_size": 4}


def test_the_number_of_workers_changes_nothing():
    here, there = (train(TrainConfig(**PONG, num_envs=3, num_workers=number)) for number in (0, 2))

    assert same_weights(here, there)


@pytest.mark.parametrize("pipeline", [True, False])
def test_updates_see_this_step_only_without_the_pipeline(monkeypatch, pipeline):
    seen = []
    plain = ReplayBuffer.sample

    def sample(self, batch_size, **options):
        seen.append(len(options.get("window") or self))
        return plain(self, batch_size, **options)

    monkeypatch.setattr(ReplayBuffer, "sample", sample)
    config = {**SHORT, "total_timesteps": 110, "train_frequency": 1}

    train(TrainConfig(**config, pipeline=pipeline))

    # The update due at step 101 comes after 102 steps, or beside the last of them.
    assert seen == list(range(101 if pipeline else 102, 110 if pipeline else 111))


class Sampled(gymnasium.Env):
    """Observations of a given space, at random; episodes of ten steps."""

    action_space = spaces.Discrete(2)

    def __init__(self, space):
        self.observation_space = space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.age = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        self.age += 1
        return self.observation_space.sample(), 1.0, self.age == 10, False, {}


gymnasium.register("Sampled-v0", Sampled)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0, 255, (10, 12, 3), np.uint8),
        spaces.Box(0, 255, (2, 36, 40), np.uint8),
        spaces.Box(0.0, 1.0, (40, 40, 3)),
        spaces.Box(0.0, 1.0, (3, 2)),
        spaces.Box(0.0, 1.0, ()),
        spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(0.0, 1.0, (2, 2))),
    ],
)
def test_observations_of_any_fixed_size_are_trained_on(monkeypatch, space):
    monkeypatch.setitem(gymnasium.registry["Sampled-v0"].kwargs, "space", space)
    config = TrainConfig(**{**SHORT, "env_id": "Sampled-v0", "total_timesteps": 120, "num_envs": 2})

    result = train(config)

    assert result.steps == 120


def test_all_extensions_of_dqn_work_together():
    config = TrainConfig(
        **SHORT,
        num_envs=2,
        double_dqn=True,
        dueling=True,
        n_step=3,
        huber=True,
        max_grad_norm=10.0,
        act_with="target",
    )

    assert train(config).steps == 600


def test_prioritized_replay_learns_the_priorities_of_what_it_saw(monkeypatch):
    updated, betas = [], []

    def update_priorities(self, indices, priorities):
        updated.append(priorities)
        betas.append(self.beta)
        plain(self, indices, priorities)

    plain = PrioritizedReplayBuffer.update_priorities
    monkeypatch.setattr(PrioritizedReplayBuffer, "update_priorities", update_priorities)

    train(TrainConfig(**SHORT, num_envs=2, prioritized=True, beta=0.4))

    assert len(updated) == len([step for step in range(101, 600) if step % 4 == 0])
    assert all(priorities.shape == (16, 1) and (priorities >= 0).all() for priorities in updated)
    assert betas == sorted(betas)
    assert betas[0] == pytest.approx(0.4 + 0.6 * 104 / 600)


class SecondOfTwo(Ranks):
    """The second of two ranks, without the first."""

    rank, size = 1, 2

    def share(self, config):
        return share_of(config, self.rank, self.size)


@pytest.mark.parametrize(("ranks", "actors"), [(Ranks(), range(4)), (SecondOfTwo(), range(2, 4))])
def test_each_environment_explores_with_its_own_epsilon(monkeypatch, ranks, actors):
    seen = []

    class Recording(EpsilonGreedy):
        def actions(self, observations, epsilon, greedy):
            seen.append(np.asarray(epsilon).tolist())
            return super().actions(observations, epsilon, greedy)

    monkeypatch.setattr(components, "EpsilonGreedy", Recording)
    monkeypatch.setattr(loop, "current_ranks", lambda: ranks)
    exploration = {"exploration_fraction": 0.5, "end_e": 0.0, "epsilons": "apex"}

    train(TrainConfig(**SHORT, num_envs=4, **exploration))

    assert seen[0] == [1.0] * len(actors)
    own = [0.4 ** (1 + 7 * index / 3) for index in actors]
    assert seen[50] == pytest.approx([max(one, 1 - 200 / 300) for one in own])
    assert seen[-1] == pytest.approx(own)


def test_acting_with_the_target_network_waits_for_target_updates():
    short = {**SHORT, "start_e": 0.0, "end_e": 0.0, "target_network_frequency": 10_000}
    settings = [
        {"act_with": "target", "learning_rate": rate, "exp_name": str(rate)}
        for rate in (1e-3, 1e-2)
    ]
    lengths = []
    for one in settings:
        written = EventAccumulator(str(train(TrainConfig(**{**short, **one})).folder))
        written.Reload()
        lengths.append([event.value for event in written.Scalars("charts/episodic_length")])

    assert lengths[0] == lengths[1]


def test_a_run_writes_every_tag_saves_and_evaluates(tmp_path):
    config = TrainConfig(
        **{**SHORT, "env_id": "PicturedCartPole-v0"},
        save_model=True,
        capture_video=True,
        exp_name="experiment",
    )

    result = train(config)

    written = EventAccumulator(str(result.folder))
    written.Reload()
    assert set(written.Tags()["scalars"]) == {
        "charts/episodic_return",
        "charts/episodic_length",
        "charts/SPS",
        "losses/td_loss",
        "losses/q_values",
        "eval/episodic_return",
        "eval/mean_return",
    }
    assert [event.step for event in written.Scalars("losses/td_loss")] == [200, 300, 400, 500]
    evaluated = [event.value for event in written.Scalars("eval/episodic_return")]
    assert evaluated == result.evaluation
    assert len(evaluated) == 10

    assert result.folder.name.startswith("PicturedCartPole-v0__experiment__1__")
    assert result.model_path == result.folder / "experiment.cleanrl_model"
    loaded = load_network(result.model_path, (4,), 2)
    assert torch.equal(
        loaded.state_dict()["network.0.weight"], result.q_network.state_dict()["network.0.weight"]
    )
    videos = tmp_path / "videos"
    assert (videos / result.folder.name / "rl-video-episode-0.mp4").stat().st_size > 0
    assert len(list((videos / f"{result.folder.name}-eval").glob("*.mp4"))) == 10


@pytest.mark.parametrize("save_model", [True, False])
@pytest.mark.parametrize(("eval_every", "evaluated"), [(300, [300, 600]), (400, [400])])
def test_a_step_is_evaluated_once(save_model, eval_every, evaluated):
    result = train(TrainConfig(**SHORT, eval_every=eval_every, save_model=save_model))

    written = EventAccumulator(str(result.folder))
    written.Reload()
    at_end = [600] if save_model and evaluated[-1] != 600 else []
    assert [event.step for event in written.Scalars("eval/mean_return")] == evaluated + at_end


@pytest.mark.parametrize(("total", "warned"), [(100, True), (101, False)])
def test_a_run_without_updates_is_a_warning_before_it_starts(total, warned, capsys):
    train(TrainConfig(**{**SHORT, "total_timesteps": total}))

    lines = capsys.readouterr().out.splitlines()
    warning = "warning: this run makes no update, because --total-timesteps 100 is not above"
    assert lines[1].startswith(warning) is warned


def test_upload_sends_the_folder_and_says_where(monkeypatch, capsys):
    sent = []

    def upload(model, entity):
        sent.append((model, entity))
        return "https://huggingface.co/someone/model"

    monkeypatch.setattr(finish, "upload", upload)

    result = train(TrainConfig(**SHORT, save_model=True, upload_model=True, hf_entity="someone"))

    ((model, entity),) = sent
    assert (model.run_folder, model.path, model.returns, entity) == (
        result.folder,
        result.model_path,
        result.evaluation,
        "someone",
    )
    assert "uploaded to https://huggingface.co/someone/model" in capsys.readouterr().out


def test_nothing_is_allocated_for_settings_that_cant_work(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "reset_or_restore", None)

    with pytest.raises(ConfigError):
        train(TrainConfig(**{**SHORT, "batch_size": 101}))
    assert list(tmp_path.iterdir()) == []


def test_the_progress_names_evaluating_saving_and_the_last_step(capsys):
    settings = {**SHORT, "save_model": True, "eval_every": 300, "checkpoint_every": 300}

    train(TrainConfig(**settings))

    shown = capsys.readouterr().out
    assert "step 300/600  evaluating 1/10" in shown
    assert "step 300/600  saving" in shown
    assert "step 600/600  saving" in shown
    assert "step 600/600  SPS" in shown


@pytest.mark.parametrize("save_model", [False, True])
def test_the_commands_at_the_end_name_the_run(save_model, capsys):
    result = train(TrainConfig(**SHORT, exp_name="lr[high] 1", save_model=save_model))

    lines = capsys.readouterr().out.splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("next: ")]
    folder = str(result.folder)
    assert commands == [["framering", "play", folder]] * save_model + [
        ["framering", "plot", folder]
    ]


def test_the_progress_names_compiling(capsys, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)

    train(TrainConfig(**SHORT, compile=True))

    assert capsys.readouterr().out.count("  compiling  ") == 1


def test_ctrl_c_saves_the_model_and_says_where_things_are(tmp_path, wait_until):
    command = [sys.executable, "-m", "framering", "train", "--env-id", "CartPole-v1"]
    command += ["--save-model", "--buffer-size", "1000", "--learning-starts", "100"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    wait_until(lambda: list(tmp_path.glob("runs/*/events*")))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert process.returncode == 130, errors
    assert errors.splitlines()[-1].startswith("stopping;")
    assert "interrupted at step" in output
    (model,) = tmp_path.glob("runs/*/dqn_atari.cleanrl_model")
    assert f"model saved to {model.relative_to(tmp_path)}" in output
    assert f"events in {model.parent.relative_to(tmp_path)}" in output
    assert "Traceback" not in errors
