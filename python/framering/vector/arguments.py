"""Checks of a vector environment's arguments, before anything changes."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from framering import _core
from framering.atari.arguments import check_integer, describe, is_sequence

if TYPE_CHECKING:
    from framering.replay.buffer import ReplayBuffer

# Each game is an emulator of some megabytes.
_MAX_ENVS = 1 << 16
# Limit of the frame ring.
_MAX_STACK = 4096
_MAX_SEED = 2**64 - 1
# A ring needs more than two stacks. The newest stack follows the last frame of the previous episode
# and the stack that ended it.
_SPARE_SLOTS = 4


def check_num_envs(num_envs: Any) -> int:
    """Return the number of games, at least 1."""
    return check_integer("num_envs", num_envs, 1, _MAX_ENVS)


def check_stack_size(stack_size: Any) -> int:
    """Return the number of frames in an observation, at least 1."""
    return check_integer("stack_size", stack_size, 1, _MAX_STACK)


def check_num_workers(num_workers: Any, num_envs: int) -> int | None:
    """Return the number of worker processes, at most one per game, or None."""
    if num_workers is None:
        return None
    return check_integer("num_workers", num_workers, 0, num_envs)


def check_batch_size(batch_size: Any, num_envs: int) -> int | None:
    """Return the number of games that are received at a time, at most all of them, or None."""
    if batch_size is None:
        return None
    return check_integer("batch_size", batch_size, 1, num_envs)


def check_render_mode(render_mode: Any) -> str | None:
    """Return the render mode, which is None or ``"rgb_array"``."""
    if render_mode is None or (isinstance(render_mode, str) and render_mode == "rgb_array"):
        return render_mode
    raise ValueError(f"render_mode: expected None or 'rgb_array', got {describe(render_mode)}")


def check_autoreset_mode(mode: Any) -> AutoresetMode:
    """Return the autoreset mode, also from its name."""
    try:
        return AutoresetMode(mode)
    except ValueError:
        names = [one.value for one in AutoresetMode]
        raise ValueError(f"autoreset_mode: expected one of {names}, got {describe(mode)}") from None


def expand_screen_size(screen_size: Any) -> Any:
    """Return ``(width, height)``, also from a single side; the settings check both."""
    if is_sequence(screen_size):
        return screen_size
    side = check_integer("screen_size", screen_size, 1)
    return side, side


def make_ring(
    num_envs: int, frame_shape: tuple[int, ...], stack: int, *, shared: bool
) -> _core.Ring:
    """Make a ring that holds the newest observations and the final ones before them."""
    return _core.Ring(
        lanes=num_envs,
        slots=2 * stack + _SPARE_SLOTS,
        frame_bytes=math.prod(frame_shape),
        stack=stack,
        shared=shared,
    )


def replay_ring(
    replay: "ReplayBuffer",
    num_envs: int,
    observation_space: spaces.Box,
    action_space: spaces.Discrete,
    *,
    shared: bool,
) -> _core.Ring:
    """Return the ring of a replay buffer that was made for these environments.

    Raises
    ------
    TypeError, ValueError
        If it is no replay buffer; was made for another number of environments, other spaces or
        another frame stack; or lies in private memory where worker processes must write.
    """
    from framering.replay.buffer import ReplayBuffer

    if not isinstance(replay, ReplayBuffer):
        raise TypeError(f"replay: expected a ReplayBuffer, got {describe(replay)}")
    stack = observation_space.shape[0]
    expected = _describe_replay(num_envs, observation_space, stack, action_space)
    got = _describe_replay(
        replay.n_envs, replay.observation_space, replay.ring.stack, replay.action_space
    )
    if got != expected:
        raise ValueError(
            f"replay: expected {expected}, got {got}; make it with ReplayBuffer(buffer_size, "
            f"envs.single_observation_space, envs.single_action_space, n_envs={num_envs}, "
            f"frame_stack={stack})"
        )
    if shared and replay.ring.fd < 0:
        raise ValueError(
            "replay: expected shared memory, as worker processes write into it, got private "
            "memory; make it with shared=True, or step in this process with num_workers=0"
        )
    return replay.ring


def expand_seeds(seed: Any, num_envs: int) -> Sequence[int | None]:
    """Return a seed for each game: consecutive ones from a single integer, as in Gymnasium."""
    if seed is None:
        return [None] * num_envs
    if hasattr(seed, "__index__") and np.ndim(seed) == 0:
        first = check_integer("seed", seed, 0, _MAX_SEED - num_envs + 1)
        return [first + i for i in range(num_envs)]
    if not isinstance(seed, Sequence | np.ndarray) or isinstance(seed, str | bytes):
        raise TypeError(f"seed: expected None, an integer or a sequence, got {describe(seed)}")
    if len(seed) != num_envs:
        raise ValueError(f"seed: expected one for each of {num_envs} games, got {len(seed)}")
    return [None if one is None else check_integer("seed", one, 0, _MAX_SEED) for one in seed]


def reset_mask(options: Any, num_envs: int) -> npt.NDArray[np.bool_] | None:
    """Return ``reset_mask`` from the options of a reset, or None."""
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise TypeError(f"options: expected a dict, got {describe(options)}")
    if "reset_mask" not in options:
        return None
    mask = options["reset_mask"]
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        got = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise TypeError(f"reset_mask: expected a NumPy array of bool, got {got}")
    if mask.shape != (num_envs,):
        raise ValueError(f"reset_mask: expected shape ({num_envs},), got {mask.shape}")
    if not mask.any():
        raise ValueError("reset_mask: expected at least one True, got only False")
    return mask


def check_actions(actions: Any, num_envs: int, num_actions: int) -> npt.NDArray[np.integer[Any]]:
    """Return actions as integers of shape (num_envs,), each in [0, num_actions)."""
    try:
        array = np.asarray(actions)
    except ValueError:
        raise ValueError(
            f"actions: expected shape ({num_envs},), got {describe(actions)}"
        ) from None
    if array.dtype.kind not in "iu":
        raise TypeError(f"actions: expected integers, got {array.dtype}")
    if array.shape != (num_envs,):
        raise ValueError(f"actions: expected shape ({num_envs},), got {array.shape}")
    chosen = array.tolist()
    if min(chosen) < 0 or max(chosen) >= num_actions:
        raise ValueError(
            f"actions: expected integers in [0, {num_actions}), got {describe(chosen)}"
        )
    return array


def check_env_id(env_id: Any, num_envs: int) -> npt.NDArray[np.int64]:
    """Return the numbers of different games, as int64 of shape (games,); None are all games."""
    if env_id is None:
        return np.arange(num_envs, dtype=np.int64)
    try:
        array = np.asarray(env_id)
    except ValueError:
        raise ValueError(
            f"env_id: expected one array of integers, got {describe(env_id)}"
        ) from None
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"env_id: expected shape (games,), got {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"env_id: expected integers, got {array.dtype}")
    chosen = array.tolist()
    if min(chosen) < 0 or max(chosen) >= num_envs:
        raise ValueError(f"env_id: expected integers in [0, {num_envs}), got {describe(chosen)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"env_id: expected each game once, got {describe(chosen)}")
    return array.astype(np.int64)


def _describe_replay(
    num_envs: int, observations: spaces.Space[Any], stack: int, actions: spaces.Space[Any]
) -> str:
    """Describe all that the environments and a replay buffer must have in common."""
    return (
        f"n_envs={num_envs}, observations {_describe_space(observations)} with "
        f"frame_stack={stack} and actions {_describe_space(actions)}"
    )


def _describe_space(space: spaces.Space[Any]) -> str:
    kind = type(space).__name__
    if isinstance(space, spaces.Discrete):
        start = f", start={space.start}" if space.start != 0 else ""
        return f"{kind}({space.n}{start}) of {space.dtype}"
    return f"{kind} {space.shape} of {space.dtype}"
