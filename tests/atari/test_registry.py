import pytest

from framering.atari.registry import find_game, is_atari, settings_for


@pytest.mark.parametrize(
    ("env_id", "frameskip", "sticky"),
    [
        ("BreakoutNoFrameskip-v4", 1, 0.0),
        ("BreakoutNoFrameskip-v0", 1, 0.25),
        ("Breakout-v4", (2, 5), 0.0),
        ("Breakout-v0", (2, 5), 0.25),
        ("ALE/Breakout-v5", 4, 0.25),
    ],
)
def test_the_id_determines_the_emulation_settings(
    env_id: str, frameskip: int | tuple[int, int], sticky: float
) -> None:
    game = find_game(env_id)
    assert (game.env_id, game.game) == (env_id, "breakout")
    assert (game.frameskip, game.repeat_action_probability) == (frameskip, sticky)
    assert not game.full_action_space
    assert game.max_num_frames_per_episode == 108_000


def test_an_unknown_id_suggests_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"Did you mean .*'BreakoutNoFrameskip-v4'"):
        find_game("breakoutNoFrameSkip-v4")
    with pytest.raises(ValueError, match="'ALE/MsPacman-v5'"):
        find_game("ALE/MsPacMan-v6")


def test_an_id_unlike_any_other_is_refused_without_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"'qqq' is not a registered environment\. Atari ids"):
        find_game("qqq")


def test_an_id_of_another_library_is_no_atari_id() -> None:
    assert not is_atari("CartPole-v1")
    assert is_atari("ALE/Pong-v5")
    with pytest.raises(ValueError, match="not an Atari game"):
        find_game("CartPole-v1")


def test_frame_skip_is_that_of_the_id_or_four() -> None:
    assert settings_for("PongNoFrameskip-v4").frame_skip == 4
    assert settings_for("Pong-v0").frame_skip == (2, 5)
    assert settings_for("ALE/Pong-v5").frame_skip == 4
    assert settings_for("ALE/Pong-v5", frame_skip=2).frame_skip == 2


def test_flags_that_are_none_take_the_value_of_the_id() -> None:
    settings = settings_for("ALE/Pong-v5", repeat_action_probability=None, clip_reward=False)
    assert settings.repeat_action_probability == 0.25
    assert not settings.clip_reward
