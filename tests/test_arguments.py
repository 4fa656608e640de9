import io
import re
import sys

import pytest

from framering.arguments import parse, preset_name
from framering.commands import StudyConfig
from framering.config import TrainConfig
from framering.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (TrainConfig, ["--num-envs", "many"], "--num-envs: expected INT, got 'many'"),
        (TrainConfig, ["--num-envs", "1.5"], "--num-envs: expected INT, got '1.5'"),
        (TrainConfig, ["--gamma", "high"], "--gamma: expected FLOAT, got 'high'"),
        (TrainConfig, ["--num-workers", ""], "--num-workers: expected {None}|INT, got ''"),
        (TrainConfig, ["--seed"], "--seed: expected a value, got none"),
        (TrainConfig, ["--seed", "9" * 5000], "--seed: Exceeds the limit (4300 digits)"),
        (
            TrainConfig,
            ["--device", "tpu"],
            "--device: expected one of 'auto', 'cpu', 'cuda', got 'tpu'",
        ),
        (
            TrainConfig,
            ["--num-env", "3"],
            "flags: expected others, got --num-env, 3; did you mean --num-envs?",
        ),
        (TrainConfig, ["fast"], "flags: expected others, got fast"),
        (StudyConfig, [], "--preset, --games: expected a value, got none"),
        (StudyConfig, ["--preset", "der"], "--games: expected a value, got none"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_wrong_arguments_get_one_line_that_names_them(
    kind, arguments, message, encoding, monkeypatch
):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))

    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        parse(kind, "train", "", arguments)

    assert str(error.value).endswith("; see framering train --help")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e6", 1_000_000),
        ("1E+6", 1_000_000),
        ("2.5e3", 2500),
        ("100_000", 100_000),
        ("-1e2", -100),
        ("1e400", 10**400),
        ("123456789012345678e1", 1234567890123456780),
        ("1" + "0" * 40 + "1e2", 10**43 + 100),
    ],
)
def test_an_integer_may_have_an_exponent_or_underscores(text, number):
    config = parse(TrainConfig, "train", "", ["--total-timesteps", text, "--num-workers", text])

    assert (config.total_timesteps, config.num_workers) == (number, number)


@pytest.mark.parametrize("text", ["1.5", "1.25e1", "1e-3", "e6", "1e", "1e99999", "0x10", "1e6.0"])
def test_a_number_that_is_no_integer_is_refused(text):
    message = re.escape(f"--total-timesteps: expected INT, got '{text}'")
    with pytest.raises(ConfigError, match=message):
        parse(TrainConfig, "train", "", [f"--total-timesteps={text}"])


@pytest.mark.parametrize(
    ("arguments", "pipeline"),
    [
        (["--pipeline"], True),
        (["--pipeline", "--seed", "3"], True),
        (["--no-pipeline"], False),
        (["--pipeline", "False"], False),
        (["--pipeline", "None"], None),
        (["--pipeline=True"], True),
        ([], None),
    ],
)
def test_the_pipeline_is_a_flag_with_or_without_a_value(arguments, pipeline):
    assert parse(TrainConfig, "train", "", arguments).pipeline is pipeline


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "cleanrl"),
        (["--preset", "fast"], "fast"),
        (["--seed", "1", "--preset=fast"], "fast"),
        (["--preset", "fast", "--preset", "pong"], "pong"),
        (["--preset"], ""),
    ],
)
def test_the_last_preset_counts_as_for_every_flag(arguments, name):
    assert preset_name(arguments) == name
