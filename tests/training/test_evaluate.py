import contextlib
import random

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control import CartPoleEnv
from torch import nn

from framering.config import TrainConfig
from framering.dqn.layers import draw_noise, noise_of
from framering.dqn.network import VectorQNetwork
from framering.reporting.video import GameRecorder
from framering.training.evaluate import evaluate, evaluate_run
from framering.training.task import make_task_spec


class Balances(nn.Module):
    """Pushes CartPole's cart towards where the pole falls."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, 0.0, 1.0, 1.0]))

    def forward(self, observations):
        lean = observations @ self.weight
        return torch.stack([-lean, lean], dim=1)


class LitCartPole(CartPoleEnv):
    """CartPole whose pictures need no pygame."""

    def render(self):
        return np.full((40, 60, 3), 128, np.uint8)


gymnasium.register("LitCartPole-v0", LitCartPole, max_episode_steps=500)


class ShortOrLong(gymnasium.Env):
    """Every other environment has games of one step, the others of forty; each step is worth 1."""

    observation_space = gymnasium.spaces.Box(-1, 1, (4,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    made = 0

    def __init__(self):
        self.length = 40 if ShortOrLong.made % 2 else 1
        ShortOrLong.made += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(4, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(4, np.float32), 1.0, self.steps == self.length, False, {}


gymnasium.register("ShortOrLong-v0", ShortOrLong)


@pytest.mark.parametrize(
    ("episodes", "short"), [(1, 1), (4, 2), (20, 10), (23, 12)], ids=lambda number: str(number)
)
def test_short_games_count_no_more_than_long_ones(episodes, short):
    task = make_task_spec("ShortOrLong-v0")
    ShortOrLong.made = 0

    returns = evaluate(Balances(), task, episodes=episodes)

    assert sorted(returns) == short * [1.0] + (episodes - short) * [40.0]


def test_there_is_one_return_for_each_game():
    returns = evaluate(Balances(), make_task_spec("CartPole-v1"), episodes=3, epsilon=0)

    assert len(returns) == 3
    assert min(returns) > 100


def test_at_epsilon_one_the_network_is_ignored():
    returns = evaluate(Balances(), make_task_spec("CartPole-v1"), episodes=5, epsilon=1)

    assert max(returns) < 100


def test_the_same_seed_plays_the_same_games():
    task = make_task_spec("CartPole-v1")
    first, second, other = (
        evaluate(Balances(), task, episodes=3, epsilon=0.5, seed=seed) for seed in (4, 4, 5)
    )

    assert first == second != other


def test_global_generators_are_left_alone():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    evaluate(Balances(), make_task_spec("CartPole-v1"), episodes=1, epsilon=0.5)

    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before


def test_every_game_is_recorded(tmp_path):
    viewer = GameRecorder(tmp_path, chosen=lambda game: game < 2)
    evaluate(Balances(), make_task_spec("LitCartPole-v0"), episodes=2, epsilon=1, viewer=viewer)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rl-video-episode-0.mp4",
        "rl-video-episode-1.mp4",
    ]


@pytest.mark.parametrize(("videos", "recorded"), [(0, 0), (2, 2), (9, 7)])
def test_the_first_games_of_a_runs_evaluation_are_recorded(videos, recorded, tmp_path, monkeypatch):
    played, reported = [], []

    def note(*arguments, **options):
        returns = evaluate(*arguments, **options)
        played.append((options["episodes"], options["viewer"] is not None, options["seed"]))
        return returns

    class Run:
        log_message = print

        @contextlib.contextmanager
        def activity(self, name, total):
            assert (name, total) == ("evaluating", 7)
            yield reported.append

    monkeypatch.setattr("framering.training.evaluate.evaluate", note)
    config = TrainConfig(env_id="LitCartPole-v0", eval_episodes=7, eval_videos=videos, end_e=1.0)
    task = make_task_spec("LitCartPole-v0")

    returns = evaluate_run(config, task, Balances(), Run(), tmp_path)

    assert len(list(tmp_path.glob("*.mp4"))) == recorded
    assert len(returns) == 7
    assert reported == [1, 2, 3, 4, 5, 6, 7]
    first = [(recorded, True, 1)] if recorded else []
    rest = [(7 - recorded, False, 2 if recorded else 1)] if recorded < 7 else []
    assert played == first + rest


def test_each_finished_game_is_reported_with_its_return():
    reported = []

    returns = evaluate(
        Balances(),
        make_task_spec("CartPole-v1"),
        episodes=2,
        epsilon=1,
        on_episode=lambda episode, value: reported.append((episode, value)),
    )

    assert reported == [(1, returns[0]), (2, returns[1])]


class Camera:
    """Keeps the shapes of the pictures that it is shown."""

    def __init__(self):
        self.shapes = set()

    def capture(self, envs, infos):
        self.shapes.add(envs.render()[0].shape)

    def close(self):
        pass


@pytest.mark.parametrize(("head", "width"), [("dqn", 60), ("c51", 220), ("qr-dqn", 220)])
def test_distributions_are_drawn_beside_the_game_where_a_network_predicts_any(head, width):
    camera = Camera()
    network = VectorQNetwork(2, (4,), head=head)

    evaluate(network, make_task_spec("LitCartPole-v0"), episodes=1, viewer=camera)

    assert camera.shapes == {(40, width, 3)}


def test_evaluation_is_without_noise_and_leaves_the_network_training():
    network = VectorQNetwork(2, (4,), noisy=True)
    returns = []
    for seed in (1, 2):
        draw_noise(noise_of(network), torch.Generator().manual_seed(seed))
        returns.append(evaluate(network, make_task_spec("CartPole-v1"), episodes=5, epsilon=0))

    assert returns[0] == returns[1]
    assert network.training
