import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from framering.errors import ConfigError
from framering.training.task import make_task_spec


class Shows(gymnasium.Env):
    """An environment with given spaces; it is never stepped."""

    def __init__(self, observations, actions=None):
        self.observation_space = observations
        self.action_space = actions or spaces.Discrete(2)


gymnasium.register("Shows-v0", Shows)
BYTES = {"low": 0, "high": 255, "dtype": np.uint8}


@pytest.fixture
def showing(monkeypatch):
    """A function that gives Shows-v0 an observation space and, if given, an action space."""

    def show(*given):
        monkeypatch.setitem(gymnasium.registry["Shows-v0"].kwargs, "observations", given[0])
        monkeypatch.setitem(gymnasium.registry["Shows-v0"].kwargs, "actions", [*given, None][1])

    return show


@pytest.mark.parametrize(
    ("env_id", "is_atari", "shape", "frame_bytes", "frame_side"),
    [
        ("PongNoFrameskip-v4", True, (4, 84, 84), 84 * 84, 84),
        ("ALE/Pong-v5", True, (4, 84, 84), 84 * 84, 84),
        ("CartPole-v1", False, (4,), 16, 0),
        ("FrozenLake-v1", False, (16,), 128, 0),
    ],
)
def test_the_spec_has_the_preprocessed_space(env_id, is_atari, shape, frame_bytes, frame_side):
    task = make_task_spec(env_id)

    assert (task.is_atari, task.observation_space.shape) == (is_atari, shape)
    assert (task.frame_bytes, task.frame_side) == (frame_bytes, frame_side)


def test_an_unknown_id_suggests_the_nearest():
    with pytest.raises(ConfigError, match="BreakoutNoFrameskip-v4"):
        make_task_spec("BreakoutNoFramskip-v4")


@pytest.mark.parametrize(
    "actions",
    [spaces.Box(-1.0, 1.0, (1,)), spaces.MultiDiscrete([2, 3]), spaces.Discrete(3, start=1)],
)
def test_actions_that_are_not_discrete_from_0_are_refused(showing, actions):
    showing(spaces.Box(0.0, 1.0, (3,)), actions)

    with pytest.raises(ConfigError, match=r"^--env-id Shows-v0: DQN needs Discrete actions"):
        make_task_spec("Shows-v0")


@pytest.mark.parametrize("module", [".x", "..", "no_such_module", "a b", "no_such_module:again"])
def test_a_module_that_cannot_be_imported_is_named(module):
    with pytest.raises(ConfigError, match="expected a module to import before the colon") as raised:
        make_task_spec(f"{module}:CartPole-v1")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("env_id", "module", "remedy"),
    [("LunarLander-v3", "Box2D", "box2d"), ("Ant-v5", "mujoco", "mujoco")],
)
def test_a_missing_package_of_an_environment_says_what_to_install(
    monkeypatch, env_id, module, remedy
):
    monkeypatch.setitem(sys.modules, module, None)
    for name in [name for name in sys.modules if name.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(
        ConfigError, match=rf"^--env-id {env_id}: .*pip install.*{remedy}"
    ) as raised:
        make_task_spec(env_id)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("side", [0, 161, 200])
def test_frames_larger_than_the_screen_are_refused(side):
    with pytest.raises(ConfigError, match=f"^--screen-size: expected 1 to 160 .* got {side}"):
        make_task_spec("PongNoFrameskip-v4", side)


@pytest.mark.parametrize(
    ("space", "shape", "frame_bytes"),
    [
        (spaces.Box(shape=(100, 120, 3), **BYTES), (4, 84, 84), 84 * 84),
        (spaces.Box(shape=(100, 120, 1), **BYTES), (4, 84, 84), 84 * 84),
        (spaces.Box(shape=(40, 50), **BYTES), (4, 40, 50), 40 * 50),
        (spaces.Box(shape=(5, 60, 40), **BYTES), (5, 60, 40), 60 * 40),
        (spaces.Box(shape=(35, 50), **BYTES), (35, 50), 35 * 50),
        (spaces.Box(shape=(10, 10, 4), **BYTES), (400,), 400),
        (spaces.Box(shape=(128,), **BYTES), (128,), 128),
        (spaces.Box(0.0, 1.0, (40, 40, 3)), (4800,), 19_200),
        (spaces.Box(0.0, 1.0, (3, 2)), (3, 2), 24),
        (spaces.Box(0.0, 1.0, ()), (1,), 4),
        (spaces.MultiDiscrete([2, 3]), (5,), 40),
        (spaces.MultiBinary(3), (3,), 3),
        (spaces.Dict(a=spaces.Discrete(2), b=spaces.Box(0.0, 1.0, (2, 2))), (6,), 48),
        (spaces.Tuple([spaces.Discrete(2), spaces.Discrete(3)]), (5,), 40),
    ],
)
def test_observations_of_a_fixed_size_are_taken(showing, space, shape, frame_bytes):
    showing(space)

    task = make_task_spec("Shows-v0")

    assert task.observation_space.shape == shape
    assert task.frame_bytes == frame_bytes


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (spaces.Sequence(spaces.Discrete(2)), "expected observations in a Box, Discrete"),
        (spaces.Dict(a=spaces.Sequence(spaces.Discrete(2))), "expected observations in a Box"),
        (spaces.Graph(spaces.Box(0, 1, (2,)), None), "expected observations in a Box, Discrete"),
        (spaces.Space(), "expected observations in a Box, Discrete"),
        (spaces.Box(0.0, 1.0, (0,)), "expected observations of at least one element"),
        (spaces.Box(0.0, 1.0, (40, 0, 3)), "expected observations of at least one element"),
        (spaces.Box(shape=(84, 84, 4), **BYTES), "expected images of shape"),
    ],
)
def test_observations_that_no_network_takes_are_refused(showing, space, message):
    showing(space)

    with pytest.raises(ConfigError, match=f"^--env-id Shows-v0: {message}"):
        make_task_spec("Shows-v0")
