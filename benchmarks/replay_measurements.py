"""Measurements of replay buffers by game, each run in a process of its own."""

import gc
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bare_gather import BareGather
from framering.profiling.in_turns import Block, Times, in_turns, median_time, repeated
from recorded_games import SIDE, STACK, AddArguments, Recording, Source, load
from replay_contenders import FRAMERING, PRIORITIZED, SB3, SETTINGS, fill, make

MEMCPY = "memcpy"
SLOWEST_ADD = 500  # microseconds, less than an environment's step takes
BATCHES = {32: 100, 256: 20}  # the calls of a block
ADDS = 250
# SB3's takes 28 KB a transition: so many are 1.4 GB, far more than any cache holds.
SB3_TRANSITIONS = 50_000
# What a transition takes in sb3-extra-buffers' does not depend on their number. The time of a batch
# hardly does: it decompresses 64 stacks, of which a smaller buffer has more in a cache.
SETTING_TRANSITIONS, TRIED_TRANSITIONS = 10_000, 100


class Trial(NamedTuple):
    """What a setting of sb3-extra-buffers costs for a few transitions.

    Attributes
    ----------
    nbytes
        Of a transition: of its compressed stack, as Python states them, and of its record.
    add, sample
        Microseconds of `add` and of `sample(32)`.
    """

    setting: str
    nbytes: float
    add: float
    sample: float


class Choice(NamedTuple):
    """Settings of sb3-extra-buffers whose `add` takes at most SLOWEST_ADD, each the best in a way.

    Attributes
    ----------
    compact
        The smallest of those whose stacks have no more memory than they need: zstd's keep what was
        reserved for the longest stack possible.
    fastest
        The one whose `sample` takes the shortest time.
    """

    compact: str
    fastest: str


class Files(NamedTuple):
    """What `save` and `load` cost."""

    megabytes: float
    save_seconds: float
    load_seconds: float


class Speed(NamedTuple):
    """Times of sampling a batch, by its size, and of `add`; and the cost of a file."""

    sample: dict[int, Times]
    add: Times
    files: Files


class Job(NamedTuple):
    """What to measure with."""

    source: Source
    cache: Path
    transitions: int
    rounds: int

    def load(self) -> Recording:
        return load(self.source, self.cache)

    def size(self, contender: str) -> int:
        """Return the number of transitions in a contender's buffer."""
        if contender in (FRAMERING, PRIORITIZED):
            return self.transitions
        return min(self.transitions, SB3_TRANSITIONS if contender == SB3 else SETTING_TRANSITIONS)


def record(job: Job) -> None:
    """Record the game where the cache does not have it."""
    job.load()


def resident_bytes(job: Job, contender: str) -> float:
    """Measure the resident bytes of a transition in a buffer that was filled twice."""
    recording, size = job.load(), job.size(contender)
    small = make(contender, 100)
    fill(small, recording.play(), 150)
    del small
    gc.collect()
    before = _resident()
    buffer = make(contender, size)
    fill(buffer, recording.play(), 2 * size)
    gc.collect()
    return (_resident() - before) / int(buffer.size())


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def try_settings(job: Job) -> list[Trial]:
    """Try all settings of sb3-extra-buffers with transitions from all over the recording."""
    recording = job.load()
    stride = len(recording.starts) // TRIED_TRANSITIONS
    chosen = list(itertools.islice(recording.play(), 0, stride * TRIED_TRANSITIONS, stride))
    return [_try_setting(setting, chosen) for setting in SETTINGS]


def _try_setting(setting: str, chosen: list[AddArguments]) -> Trial:
    buffer = make(setting, len(chosen))
    add = median_time(buffer.add, chosen)
    sample = median_time(buffer.sample, itertools.repeat((32,), 5))
    stacks = [stack for stack in buffer.observations.flat if stack is not None]
    arrays = (buffer.observations, buffer.actions, buffer.rewards, buffer.dones, buffer.timeouts)
    record = sum(array.nbytes for array in arrays) / buffer.buffer_size
    return Trial(setting, record + statistics.mean(map(sys.getsizeof, stacks)), add, sample)


def choose(trials: list[Trial]) -> Choice:
    """Choose the settings that are measured in full."""
    quick = [trial for trial in trials if trial.add <= SLOWEST_ADD] or trials
    lean = [trial for trial in quick if not trial.setting.startswith("zstd")] or quick
    return Choice(
        min(lean, key=lambda trial: trial.nbytes).setting,
        min(quick, key=lambda trial: trial.sample).setting,
    )


def speed(job: Job, settings: list[str]) -> Speed:
    """Fill the buffers, and measure sampling and adding in turns."""
    recording = job.load()
    buffers, plays = {}, {}
    for contender in (FRAMERING, PRIORITIZED, SB3, *settings):
        size = job.size(contender)
        buffers[contender], plays[contender] = make(contender, size), recording.play()
        fill(buffers[contender], plays[contender], size + size // 10)
    _spread_priorities(buffers[PRIORITIZED])
    return Speed(
        {batch: _sample_times(job, batch, buffers, settings) for batch in BATCHES},
        _add_times(job, recording, buffers),
        _file_costs(buffers[FRAMERING], job.transitions),
    )


def _spread_priorities(buffer: Any) -> None:
    draws = np.random.default_rng(1)
    for _ in range(500):
        buffer.update_priorities(buffer.sample(256).indices, draws.random(256))


def _sample_times(job: Job, batch: int, buffers: dict[str, Any], settings: list[str]) -> Times:
    def sampling(name: str, calls: int) -> Block:
        return repeated(lambda: buffers[name].sample(batch), calls)

    calls = BATCHES[batch]
    bare = BareGather(job.transitions, batch, SIDE * SIDE, STACK)
    blocks = {name: sampling(name, calls) for name in (FRAMERING, PRIORITIZED, SB3)}
    blocks[MEMCPY] = repeated(bare, calls)
    if batch == 32:
        blocks |= {setting: sampling(setting, 5) for setting in settings}
    return in_turns(blocks, job.rounds)


def _add_times(job: Job, recording: Recording, buffers: dict[str, Any]) -> Times:
    """Measure `add` of flags and of floats, to the same buffers."""

    def adding(contender: str, play: Iterator[AddArguments]) -> Block:
        def block() -> float:
            arguments = list(itertools.islice(play, ADDS))
            # As an environment has just written them, they are in a cache.
            for obs, *_ in arguments:
                obs.max()
            return median_time(buffers[contender].add, arguments)

        return block

    blocks = {}
    for contender in (FRAMERING, SB3):
        for dtype in ("bool", "float32"):
            blocks[f"{contender}, {dtype}"] = adding(contender, recording.play(dtype))
    return in_turns(blocks, job.rounds)


def _file_costs(buffer: Any, transitions: int) -> Files:
    other = make(FRAMERING, transitions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transitions"
        save, load = _seconds(buffer.save, path), _seconds(other.load, path)
        return Files(path.stat().st_size / 1e6, save, load)


def _seconds(call: Callable[[Path], object], path: Path) -> float:
    begin = time.perf_counter()
    call(path)
    return time.perf_counter() - begin
