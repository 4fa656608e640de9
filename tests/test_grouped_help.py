import dataclasses
from collections import Counter

import pytest

from framering.cli import main
from framering.commands import ProfileConfig
from framering.config import TrainConfig
from framering.grouped_help import GROUPS


def test_every_setting_is_in_one_group():
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    assert Counter(name for group in GROUPS.values() for name in group) == Counter(names)


@pytest.mark.parametrize("command", ["train", "profile"])
def test_help_has_every_flag_below_its_group(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--preset", "pong", "--help"])

    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines())
    titles = [f"{title} options" for title in GROUPS]
    places = [text.index(f" {title} ") for title in titles]
    assert places == sorted(places)
    kind = TrainConfig if command == "train" else ProfileConfig
    for field in dataclasses.fields(kind):
        assert f"--{field.name.replace('_', '-')}" in text
    assert "(default: PongNoFrameskip-v4)" in " ".join(text.replace("│", "").split())
