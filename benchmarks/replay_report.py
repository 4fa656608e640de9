"""Tables and a file of figures of replay buffers by game."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from framering.profiling.in_turns import Spread, Times, spread
from machine import conditions
from recorded_games import NOISE, Source
from replay_contenders import FRAMERING, PRIORITIZED, RECOMMENDED, SB3
from replay_measurements import (
    MEMCPY,
    SB3_TRANSITIONS,
    SETTING_TRANSITIONS,
    SLOWEST_ADD,
    Choice,
    Speed,
    Trial,
)
from replay_picture import Points, save_picture

NAME = "replay_by_game"
PEER = "sb3-extra-buffers"
LIBRARIES = ["framering", "numpy", "torch", "ale-py", "stable-baselines3", PEER]
LIBRARIES += ["zstd", "lz4", "isal", "numba"]
TRIED = ("bytes by length", "add us", "sample(32) us")
FRAME_BYTES = 84 * 84


class GameResult(NamedTuple):
    """All figures of one game."""

    source: Source
    memory: dict[str, float]
    trials: list[Trial]
    choice: Choice
    speed: Speed

    @property
    def smallest(self) -> Trial:
        return min(self.trials, key=lambda trial: trial.nbytes)


class Run(NamedTuple):
    """The results of all games, and what they were measured with."""

    results: list[GameResult]
    transitions: int
    rounds: int

    @property
    def games(self) -> list[GameResult]:
        """The games that medians are taken over: neither noise nor a trained network's."""
        return [r for r in self.results if r.source.game != NOISE and r.source.model is None]


class Column(NamedTuple):
    """A number of each game, and perhaps a note beside it."""

    title: str
    number: Callable[[GameResult], float]
    digits: int = 0
    note: Callable[[GameResult], str] = lambda result: ""

    def cell(self, result: GameResult) -> str:
        note = self.note(result)
        return f"{self.number(result):,.{self.digits}f}" + (f" ({note})" if note else "")

    def median(self, results: list[GameResult]) -> str:
        median, low, high = spread([self.number(result) for result in results])
        digits = self.digits
        return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def write_report(run: Run, folder: Path) -> str:
    """Write the tables, the figures and the picture; return the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join([machine(run), *(table(run, *each) for each in TABLES.items())]) + "\n"
    (folder / f"{NAME}.md").write_text(text)
    with open(folder / f"{NAME}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("game", "contender", "measure", "median", "lowest", "highest"))
        writer.writerows(row for result in run.results for row in figures(result))
    save_picture(points(run.games or run.results), folder / f"{NAME}.png")
    return text


def machine(run: Run) -> str:
    """Describe the machine, the versions and the sizes."""
    return (
        f"{conditions(LIBRARIES)}, {torch.get_num_threads()} threads of torch.\n\n"
        f"Transitions: framering and the memcpy gather {run.transitions:,}, "
        f"{SB3} {min(run.transitions, SB3_TRANSITIONS):,} (28 KB each), {PEER} "
        f"{min(run.transitions, SETTING_TRANSITIONS):,}. Times are medians over {run.rounds} "
        "rounds in turns; ratios are of each round, with the lowest and the highest. Bytes are "
        "resident after two laps.\n\n"
        f"{PEER}' bytes by length are those of the compressed stacks, with their records, in a "
        "hundred transitions. Its zstd settings have more memory resident: each compressed stack "
        "keeps the memory that was reserved for the longest one possible."
    )


def table(run: Run, title: str, columns: list[Column]) -> str:
    """Write a table in Markdown, with a row of medians."""
    rows = [("game", *(column.title for column in columns)), ("---", *("---:" for _ in columns))]
    rows += [
        (result.source.title, *(column.cell(result) for column in columns))
        for result in run.results
    ]
    if run.games:
        rows.append(("median of games", *(column.median(run.games) for column in columns)))
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def between(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"


def ratio(title: str, times: Callable[[GameResult], Times], name: str, other: str) -> Column:
    def of(result: GameResult) -> Spread:
        return times(result).ratio(name, other)

    return Column(title, lambda r: of(r).median, 2, lambda r: between(of(r).low, of(r).high))


def median(times: Callable[[GameResult], Times], name: str, digits: int = 0) -> Column:
    return Column(name, lambda r: times(r).of(name).median, digits)


def peer_columns(title: str, choose: Callable[[Choice], str]) -> list[Column]:
    def setting(result: GameResult) -> str:
        return choose(result.choice)

    def times(result: GameResult) -> Times:
        return result.speed.sample[32]

    return [
        Column(
            f"{title} with `add` within {SLOWEST_ADD} µs",
            lambda r: times(r).of(setting(r)).median,
            0,
            setting,
        ),
        Column("/ framering", lambda r: times(r).ratio(setting(r), FRAMERING).median, 1),
    ]


def sample_columns(batch: int) -> list[Column]:
    def times(result: GameResult) -> Times:
        return result.speed.sample[batch]

    return [
        *(median(times, name) for name in (FRAMERING, MEMCPY, SB3)),
        ratio("framering / memcpy", times, FRAMERING, MEMCPY),
        ratio("SB3 / framering", times, SB3, FRAMERING),
        ratio("prioritized / uniform", times, PRIORITIZED, FRAMERING),
    ]


def add_columns(dtype: str) -> list[Column]:
    def times(result: GameResult) -> Times:
        return result.speed.add

    names = [f"{contender}, {dtype}" for contender in (FRAMERING, SB3)]
    return [
        *(median(times, name, 2) for name in names),
        ratio("SB3 / framering", times, names[1], names[0]),
    ]


TABLES = {
    "Bytes of a transition": [
        Column(FRAMERING, lambda r: r.memory[FRAMERING]),
        Column(
            f"{PEER}, smallest by length",
            lambda r: r.smallest.nbytes,
            0,
            lambda r: r.smallest.setting,
        ),
        Column("/ framering", lambda r: r.smallest.nbytes / r.memory[FRAMERING], 2),
        Column(
            f"{PEER}, smallest that is resident, with `add` within {SLOWEST_ADD} µs",
            lambda r: r.memory[r.choice.compact],
            0,
            lambda r: r.choice.compact,
        ),
        Column("/ framering", lambda r: r.memory[r.choice.compact] / r.memory[FRAMERING], 2),
        Column(f"{PEER}, {RECOMMENDED}, resident", lambda r: r.memory[RECOMMENDED]),
        Column(SB3, lambda r: r.memory[SB3]),
    ],
    "Microseconds of `sample(32)`": sample_columns(32),
    f"Microseconds of `sample(32)` of {PEER}": (
        peer_columns("fastest", lambda choice: choice.fastest)
        + peer_columns("smallest that is resident,", lambda choice: choice.compact)
    ),
    "Microseconds of `sample(256)`": sample_columns(256),
    "Microseconds of `add` after the first lap": add_columns("bool") + add_columns("float32"),
    "`save` and `load` of framering's buffer": [
        Column("MB", lambda r: r.speed.files.megabytes, 1),
        Column("save, s", lambda r: r.speed.files.save_seconds, 2),
        Column("load, s", lambda r: r.speed.files.load_seconds, 2),
    ],
}


def figures(result: GameResult) -> Iterator[tuple[str | float, ...]]:
    """Yield the rows of the file of figures."""
    game = result.source.title
    for contender, nbytes in result.memory.items():
        yield game, contender, "resident bytes", round(nbytes, 1)
    for trial in result.trials:
        for measure, value in zip(TRIED, trial[1:], strict=True):
            yield game, trial.setting, f"tried, {measure}", round(value, 1)
    for measure, times in [
        *((f"sample({batch}) us", times) for batch, times in result.speed.sample.items()),
        ("add us", result.speed.add),
    ]:
        for contender in times.names:
            yield game, contender, measure, *(round(value, 3) for value in times.of(contender))
    for batch, times in result.speed.sample.items():
        for name, other in ((FRAMERING, MEMCPY), (SB3, FRAMERING), (PRIORITIZED, FRAMERING)):
            values = times.ratio(name, other)
            yield game, name, f"sample({batch}) / {other}", *(round(value, 3) for value in values)
    for measure, value in zip(result.speed.files._fields, result.speed.files, strict=True):
        yield game, FRAMERING, f"file, {measure}", round(value, 3)


def points(results: list[GameResult]) -> Points:
    """Return bytes of a transition and microseconds of a batch of 32, by contender and game."""
    drawn: Points = {
        FRAMERING: [],
        "raw frames, bare memcpy": [],
        SB3: [],
        f"{PEER}, fastest": [],
        f"{PEER}, smallest": [],
        f"{PEER}, {RECOMMENDED}, by length": [],
    }
    for result in results:
        times, choice = result.speed.sample[32], result.choice
        recommended = next(trial for trial in result.trials if trial.setting == RECOMMENDED)
        spots = [
            (result.memory[FRAMERING], times.of(FRAMERING)),
            (FRAME_BYTES, times.of(MEMCPY)),
            (result.memory[SB3], times.of(SB3)),
            (result.memory[choice.fastest], times.of(choice.fastest)),
            (result.memory[choice.compact], times.of(choice.compact)),
            (recommended.nbytes, times.of(RECOMMENDED)),
        ]
        for name, (nbytes, time) in zip(drawn, spots, strict=True):
            drawn[name].append((result.source.title, nbytes, time.median))
    return drawn
