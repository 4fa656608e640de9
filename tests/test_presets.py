import shlex

import pytest

from framering.arguments import parse, preset_name
from framering.config import TrainConfig
from framering.errors import ConfigError
from framering.presets import PRESETS, preset, train_command_line


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_passes_its_checks(name):
    preset(name).check()


@pytest.mark.parametrize("name", ["", "Fast"])
def test_an_unknown_preset_is_named(name):
    names = ", ".join(PRESETS)
    with pytest.raises(ConfigError, match=f"expected one of {names}, got '{name}'"):
        preset(name)


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(env_id="ALE/Pong-v5", exp_name="it's $1", gamma=0.95, save_model=True),
        TrainConfig(preset="fast", num_envs=1, compile=False, pipeline=False),
        TrainConfig(**{**vars(preset("pong")), "pipeline": True, "num_workers": 0}),
    ],
)
def test_the_command_line_of_settings_gives_the_same_settings(config):
    program, command, *arguments = shlex.split(train_command_line(config))

    assert (program, command) == ("framering", "train")
    start = preset(preset_name(arguments))
    assert parse(TrainConfig, "train", "", arguments, start) == config


def test_the_command_line_of_an_unknown_preset_starts_from_the_default():
    line = train_command_line(TrainConfig(preset="mine", seed=3))

    assert line == "framering train --seed 3"
