"""``framering profile preprocessing``: rows that change, and the time of each stage."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framering._core import Ring, palette_to_rgb, resize_area, rgb_to_gray
from framering.atari.console import Console
from framering.atari.frame_skip import ScreenSpec, palette_for
from framering.atari.settings import AtariSettings
from framering.profiling.game import game_settings, progress
from framering.profiling.in_turns import Block, in_turns, median_time, repeated
from framering.profiling.stages import Stage, StageProfile, copying

Image = NDArray[np.uint8]
_ROUNDS, _CALLS, _SIDE, _STACK = 15, 100, 84, 4
_SKIP, _OUTPUT = 4, (_SIDE, _SIDE)


class _Screens(NamedTuple):
    """The last two screens of a step, as palette indices."""

    older: Image
    newer: Image


def profile_preprocessing(env_id: str, steps: int) -> StageProfile:
    """Record the screens of a random play, and measure their preprocessing.

    Raises
    ------
    ConfigError
        If the id is no Atari game's.
    """
    return measure(env_id, game_settings(env_id), steps)


def measure(env_id: str, settings: AtariSettings, steps: int) -> StageProfile:
    """Measure the preprocessing of a game."""
    screens = list(progress(_play(settings, steps), steps, "playing"))
    height, width = screens[0].newer.shape
    blocks = _separate_stages(screens) | _fused(screens) | _after_preprocessing(screens)
    pixels = height * width
    stages = [
        Stage("look up colours", 2 * 3 * pixels, "memcpy of two RGB screens"),
        Stage("maximum of two frames", 2 * 3 * pixels, "memcpy of two RGB screens"),
        Stage("resize", 3 * pixels, "memcpy of an RGB screen"),
        Stage("grey", 3 * _SIDE * _SIDE, "memcpy of a small RGB image"),
        Stage("fused, all rows changed", 2 * pixels, "memcpy of two screens"),
        Stage("fused, as it changes", 2 * pixels, "memcpy of two screens"),
        Stage("encode and store", _SIDE * _SIDE, "memcpy of a frame"),
        Stage("gather a stack", _STACK * _SIDE * _SIDE, "memcpy of a stack"),
    ]
    for stage in stages:
        blocks.setdefault(stage.copied, repeated(copying(stage.nbytes), _CALLS))
    return StageProfile(
        f"preprocessing of {height}×{width} screens of {env_id}, in CleanRL's order",
        in_turns(blocks, _ROUNDS),
        stages,
        _facts(screens),
        {"env_id": env_id, "steps": steps},
    )


def _play(settings: AtariSettings, steps: int) -> Iterator[_Screens]:
    console = Console(settings)
    console.load(1)
    ale, actions = console.ale, console.actions()
    ale.reset_game()
    for action in np.random.default_rng(1).integers(len(actions), size=steps):
        for frame in range(_SKIP):
            ale.act(actions[action])
            if frame == _SKIP - 2:
                older = ale.getScreen()
        yield _Screens(older, ale.getScreen())
        if ale.game_over():
            ale.reset_game()


def _facts(screens: list[_Screens]) -> dict[str, float]:
    rows = [
        ((before.newer != after.newer) | (before.older != after.older)).any(axis=1).sum()
        for before, after in itertools.pairwise(screens)
    ]
    equal = [(each.newer == each.older).all(axis=1).mean() for each in screens]
    return {
        "rows of a screen": len(screens[0].newer),
        "rows changed from one step to the next": float(np.mean(rows)),
        "share of rows equal in both screens of a step": float(np.mean(equal)),
    }


def _separate_stages(screens: list[_Screens]) -> dict[str, Block]:
    """Return the stages as wrappers take them, each on the whole image."""
    shape = screens[0].newer.shape
    palette = palette_for(shape[0])
    first, second, most = (np.empty((*shape, 3), np.uint8) for _ in range(3))
    small, gray = np.empty((*_OUTPUT, 3), np.uint8), np.empty(_OUTPUT, np.uint8)
    each = itertools.cycle(screens)

    def look_up(pair: _Screens) -> None:
        palette_to_rgb(pair.older, out=first, palette=palette)
        palette_to_rgb(pair.newer, out=second, palette=palette)

    look_up(screens[0])
    return {
        "look up colours": _over(each, look_up),
        "maximum of two frames": repeated(lambda: np.maximum(first, second, out=most), _CALLS),
        "resize": repeated(lambda: resize_area(most, _OUTPUT, out=small), _CALLS),
        "grey": repeated(lambda: rgb_to_gray(small, out=gray), _CALLS),
    }


def _fused(screens: list[_Screens]) -> dict[str, Block]:
    height, width = screens[0].newer.shape
    spec = ScreenSpec("cleanrl", height, width, _OUTPUT, True, palette_for(height))
    changing, following, out = spec.preprocessor(), spec.preprocessor(), np.empty(_OUTPUT, np.uint8)
    # No byte stays the same from one of these to the next.
    inverted = [_Screens(~each.older, ~each.newer) for each in screens]
    all_changed = itertools.cycle(itertools.chain(*zip(screens, inverted, strict=True)))
    each = itertools.cycle(screens)
    return {
        "fused, all rows changed": _over(
            all_changed, lambda pair: changing.process(pair.newer, pair.older, out)
        ),
        "fused, as it changes": _over(
            each, lambda pair: following.process(pair.newer, pair.older, out)
        ),
    }


def _after_preprocessing(screens: list[_Screens]) -> dict[str, Block]:
    height, width = screens[0].newer.shape
    spec = ScreenSpec("cleanrl", height, width, _OUTPUT, True, palette_for(height))
    preprocessor = spec.preprocessor()
    frames = []
    for pair in screens:
        frames.append(np.empty(_OUTPUT, np.uint8))
        preprocessor.process(pair.newer, pair.older, frames[-1])
    ring = Ring(lanes=1, slots=100, frame_bytes=_SIDE * _SIDE, stack=_STACK, row_bytes=_SIDE)
    writer, stack = ring.writer(0), np.empty((1, _STACK, _SIDE * _SIDE), np.uint8)
    writer.begin_segment(frames[0])
    each = itertools.cycle(frames)
    return {
        "encode and store": _over(each, lambda frame: writer.append(frame, 0, 0.0, False, False)),
        "gather a stack": repeated(lambda: ring.gather_newest(stack), _CALLS),
    }


def _over(items: Iterator[Any], call: Callable[[Any], object]) -> Block:
    """Return a block that makes a call with the next items, which are read before: in a cache."""

    def block() -> float:
        return median_time(call, [(item,) for item in itertools.islice(items, _CALLS)])

    return block
