"""Atari environment ids in Gymnasium's registry, and their emulator settings."""

import difflib
from dataclasses import dataclass
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec, registry

from framering.atari.arguments import describe
from framering.atari.settings import AtariSettings

_ATARI_ENTRY_POINT = "ale_py.env:AtariEnv"
# The observation, screen and sound options of ``AtariEnv``: framering makes its own observations.
_EMULATION_KEYS = frozenset(
    {
        "game",
        "frameskip",
        "repeat_action_probability",
        "full_action_space",
        "max_num_frames_per_episode",
        "mode",
        "difficulty",
    }
)


@dataclass(frozen=True)
class AtariGame:
    """A registered Atari environment: its game and emulation settings.

    Attributes
    ----------
    env_id
        The full id, as registered.
    game
        The ROM's name, e.g. ``"ms_pacman"``.
    frameskip
        Emulated frames per step of the registered environment: a number, or the half-open range
        from which it is drawn. 1 for the ``NoFrameskip`` ids, whose users add a frame skip.
    repeat_action_probability
        Sticky actions: the probability, at each frame, that the emulator repeats the last action.
    full_action_space
        Whether actions are all 18 of the console, or the minimal set of the game.
    max_num_frames_per_episode
        Emulated frames after which ALE truncates a game; 0 for no limit.
    mode, difficulty
        The game's mode and difficulty; None for its defaults.
    """

    env_id: str
    game: str
    frameskip: int | tuple[int, int]
    repeat_action_probability: float
    full_action_space: bool
    max_num_frames_per_episode: int
    mode: int | None
    difficulty: int | None


def find_spec(env_id: str) -> EnvSpec:
    """Find an environment in Gymnasium's registry, with the Atari games registered.

    Parameters
    ----------
    env_id
        An id such as ``"BreakoutNoFrameskip-v4"``, ``"ALE/Breakout-v5"`` or ``"CartPole-v1"``.

    Returns
    -------
    EnvSpec
        The registered specification.

    Raises
    ------
    TypeError, ValueError
        If the id is no string, or not registered; the message names the most similar ones.

    Examples
    --------
    >>> find_spec("ALE/Pong-v5").kwargs["game"]
    'pong'
    """
    import ale_py

    if not isinstance(env_id, str):
        raise TypeError(f"env_id: expected a registered id, got {describe(env_id)}")
    gymnasium.register_envs(ale_py)
    spec = registry.get(env_id)
    if spec is None:
        raise ValueError(
            f"{env_id!r} is not a registered environment.{_suggestion(env_id)} "
            "Atari ids look like 'BreakoutNoFrameskip-v4' or 'ALE/Breakout-v5'."
        )
    return spec


def is_atari(env_id: str) -> bool:
    """Whether a registered id is an Atari game that framering emulates itself.

    Raises
    ------
    ValueError
        If the id is not registered at all.

    Examples
    --------
    >>> is_atari("PongNoFrameskip-v4"), is_atari("CartPole-v1")
    (True, False)
    """
    return find_spec(env_id).entry_point == _ATARI_ENTRY_POINT


def find_game(env_id: str) -> AtariGame:
    """Find an Atari game and its emulation settings in the registry.

    Parameters
    ----------
    env_id
        A registered id, e.g. ``"BreakoutNoFrameskip-v4"`` or ``"ALE/Breakout-v5"``.

    Returns
    -------
    AtariGame
        The game and its emulation settings.

    Raises
    ------
    ValueError
        If the id is unknown (the message names the most similar ones) or no Atari game.

    Examples
    --------
    >>> find_game("ALE/Breakout-v5").repeat_action_probability
    0.25
    """
    spec = find_spec(env_id)
    if spec.entry_point != _ATARI_ENTRY_POINT:
        raise ValueError(
            f"{env_id!r} is registered, but it is not an Atari game (its entry point is "
            f"{spec.entry_point!r}). Make it with gymnasium.make or gymnasium.make_vec."
        )
    registered: dict[str, Any] = {k: v for k, v in spec.kwargs.items() if k in _EMULATION_KEYS}
    frameskip = registered.get("frameskip", 4)
    limit = registered.get("max_num_frames_per_episode")
    return AtariGame(
        env_id=spec.id,
        game=registered["game"],
        frameskip=frameskip if isinstance(frameskip, int) else (frameskip[0], frameskip[1]),
        repeat_action_probability=float(registered.get("repeat_action_probability", 0.25)),
        full_action_space=bool(registered.get("full_action_space", False)),
        max_num_frames_per_episode=0 if limit is None else int(limit),
        mode=registered.get("mode"),
        difficulty=registered.get("difficulty"),
    )


def settings_for(env_id: str, **flags: Any) -> AtariSettings:
    """Settings of an emulator for a registered id.

    Parameters
    ----------
    env_id
        A registered Atari id.
    flags
        Attributes of `AtariSettings`. Those that are None take the registry's value, or else their
        default. The default frame skip of an id without one of its own (``NoFrameskip``) is 4.

    Returns
    -------
    AtariSettings
        The settings.

    Raises
    ------
    ValueError
        If the id is no Atari id, or a flag is out of range; TypeError for a flag of another type.

    Examples
    --------
    >>> settings_for("ALE/Breakout-v5", clip_reward=False).repeat_action_probability
    0.25
    """
    game = find_game(env_id)
    registered: dict[str, Any] = {
        "repeat_action_probability": game.repeat_action_probability,
        "full_action_space": game.full_action_space,
        "max_num_frames_per_episode": game.max_num_frames_per_episode,
        "mode": game.mode,
        "difficulty": game.difficulty,
    }
    if game.frameskip != 1:
        registered["frame_skip"] = game.frameskip
    given = {name: flag for name, flag in flags.items() if flag is not None}
    return AtariSettings(game=game.game, **{**registered, **given})


def _suggestion(env_id: str) -> str:
    """Name the registered ids that are most similar to this one, ignoring case."""
    by_lower = {name.lower(): name for name in registry}
    near = difflib.get_close_matches(env_id.lower(), by_lower, n=4, cutoff=0.6)
    if not near:
        return ""
    return f" Did you mean {', '.join(repr(by_lower[name]) for name in near)}?"
