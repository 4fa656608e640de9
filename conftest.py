"""Recorded gameplay for tests and benchmarks, made on first use from ale-py's ROMs."""

import functools
import os
import signal

import numpy as np
import pytest

# Tests run on all cores at once (pytest -n), and OpenMP threads that spin for each other on busy
# cores are many times slower than one thread alone. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The processes of pytest -n ignore SIGINT, and the processes that they start inherit that; some
# tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def _record(game: str, steps: int, seed: int) -> np.ndarray:
    import ale_py
    from ale_py import roms

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", seed)
    ale.loadROM(roms.get_rom_path(game))
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    rng = np.random.default_rng(seed)
    screens = np.empty((2 * steps, *ale.getScreenDims()), np.uint8)
    for step in range(steps):
        action = rng.choice(actions)
        for frame in range(4):
            ale.act(action)
            if frame >= 2:
                ale.getScreen(screens[2 * step + frame - 2])
        if ale.game_over() or step % 60 == 59:
            ale.reset_game()
    return screens.reshape(steps, 2, *screens.shape[1:])


@pytest.fixture(scope="session")
def record_screens():
    """Return a function (game, steps, seed=1) -> uint8 (steps, 2, height, width) palette screens.

    Random play with a frame skip of 4, reset every 60 steps: of each step the last two screens,
    oldest first.
    """

    def record(game: str, steps: int, seed: int = 1) -> np.ndarray:
        return _record(game, steps, seed)

    return record
