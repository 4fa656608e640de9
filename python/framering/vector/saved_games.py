"""Saving and restoring the games of a vector environment."""

from collections.abc import Sequence

import numpy as np

from framering import _core
from framering.atari.arguments import describe
from framering.atari.emulator import AtariEmulator
from framering.atari.settings import AtariSettings
from framering.vector.executors import Executor
from framering.vector.shared_arrays import RESTORE, SAVE, STATE_BYTES


def save_games(executor: Executor) -> list[bytes]:
    """Return the state of each lane's emulator.

    Raises
    ------
    RuntimeError
        If a worker died meanwhile.
    """
    columns = executor.columns
    columns.state_bytes[:] = 0
    columns.command[:] = SAVE
    executor.send()
    executor.receive()
    if not columns.state_bytes.all():
        raise RuntimeError("a worker died while its games were saved, and they restart")
    return [
        state[:length].tobytes()
        for state, length in zip(columns.states, columns.state_bytes, strict=True)
    ]


def check_states(states: Sequence[bytes], settings: AtariSettings, ring: _core.Ring) -> None:
    """Refuse states that the lanes cannot restore, before any of them changes.

    Each state is restored once, in an emulator that is thrown away.

    Raises
    ------
    TypeError, ValueError
        If a state does not fit, or a lane of the ring has no frames.
    """
    if not isinstance(states, Sequence) or isinstance(states, str | bytes):
        raise TypeError(f"states: expected a list of bytes, got {describe(states)}")
    if len(states) != ring.lanes:
        raise ValueError(f"states: expected {ring.lanes} saved games, got {len(states)}")
    emulator = AtariEmulator(settings)
    for index, state in enumerate(states):
        if not isinstance(state, bytes):
            raise TypeError(f"states[{index}]: expected bytes, got {describe(state)}")
        if len(state) > STATE_BYTES:
            raise ValueError(
                f"states[{index}]: expected at most {STATE_BYTES} bytes, got {len(state)}"
            )
        try:
            emulator.restore(state)
        except ValueError as reason:
            raise ValueError(f"states[{index}]: {reason}") from reason
    if not ring.published().all():
        raise ValueError(
            "replay: expected the frames that it held when the games were saved, got an empty "
            "lane; load the replay buffer first"
        )


def restore_games(executor: Executor, states: Sequence[bytes]) -> None:
    """Restore checked states in the lanes' emulators, and continue the lanes' newest segments."""
    columns = executor.columns
    for row, state in zip(columns.states, states, strict=True):
        row[: len(state)] = np.frombuffer(state, np.uint8)
    columns.state_bytes[:] = [len(state) for state in states]
    columns.command[:] = RESTORE
    executor.send()
    executor.receive()
    columns.restarted[:] = False
