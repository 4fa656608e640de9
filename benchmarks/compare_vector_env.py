"""AtariVectorEnv compared with ALE's, EnvPool's and Gymnasium's, and with emulation alone.

    python benchmarks/compare_vector_env.py [--rounds 10] [--save benchmarks/results/vector_env.md]

All contenders of a table are alive at once and measured in turns, in one process. Figures are steps
of single games a second: the median over the rounds, and the slowest and fastest round.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import tyro
from rich.console import Console
from rich.markdown import Markdown

import machine
from interleaved import Rates, measure
from sampling_beside_writers import BATCH, GAMES, sampling_beside_writers
from vector_contenders import ASYNC, CORES, EMULATION, MAKERS, TRAINING, Contender, framering

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 150, "arguments": ["--games", "Breakout", "--rounds", "2", "--most-envs", "8"]}

VECTORS = ["ALE's AtariVectorEnv", "EnvPool", "EnvPool, asynchronous"]
PEERS = {8: VECTORS, 16: VECTORS, 1: ["Gymnasium, one environment"]}
OURS = {8: ["framering", ASYNC], 16: ["framering", ASYNC], 1: ["framering"]}
TITLES = {8: "Eight games", 16: "Sixteen games", 1: "One game"}


@dataclasses.dataclass(kw_only=True)
class Comparison:
    """Compare AtariVectorEnv with other vector environments."""

    games: tuple[str, ...] = ("Breakout", "Pong")
    """the games, as in their ids"""
    rounds: int = 10
    """measurements of each figure"""
    env_steps: int = 1600
    """steps of single games in a measurement"""
    most_envs: int = 64
    """games of the largest vector"""
    save: Path | None = None
    """a Markdown file to write the tables into, too"""


def main() -> None:
    comparison = tyro.cli(Comparison)
    lines = []
    for line in shown(report(comparison)):
        lines.append(line)
        if comparison.save:
            comparison.save.parent.mkdir(parents=True, exist_ok=True)
            comparison.save.write_text("\n".join([*lines, ""]))


def shown(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines, and show each section once it is whole, as wide as the terminal."""
    section: list[str] = []
    for line in itertools.chain(lines, ["## "]):
        if line.startswith("## "):
            Console().print(Markdown("\n".join(section)))
            section = []
        section.append(line)
        if line != "## ":
            yield line


def report(comparison: Comparison) -> Iterator[str]:
    yield "# AtariVectorEnv and its peers"
    yield ""
    yield from conditions(comparison)
    for num_envs, peers in PEERS.items():
        for game in comparison.games:
            yield from beside_peers(comparison, game, num_envs, peers)
    for game in comparison.games:
        yield from collecting(comparison, game)
    yield from sampling(comparison)
    yield from scaling(comparison)


def conditions(comparison: Comparison) -> Iterator[str]:
    yield f"{machine.conditions(('framering', 'ale-py', 'envpool', 'gymnasium', 'numpy'))}."
    yield ""
    yield (
        "Random actions; no-op starts, FIRE, four frames a step, gray maximum, 84x84, stacks of "
        "four, clipped rewards, whole games. Steps of single games a second: median of "
        f"{comparison.rounds} rounds of {comparison.env_steps} steps, in turns, and the slowest "
        f"and fastest round. *{EMULATION.capitalize()}* is `act` and `reset_game` in a process a "
        "core, nothing else; a peer can be beaten by no more than emulation beats it. (Starts "
        "that framering restores are not emulated, so it may come closer than one.) "
        "*Asynchronous* is with a batch_size of half the games: those that are ready are received "
        "and get actions while the others are stepped."
    )
    yield ""
    yield (
        f"`python benchmarks/compare_vector_env.py --rounds {comparison.rounds} "
        f"--most-envs {comparison.most_envs} --save benchmarks/results/vector_env.md`"
    )


def beside_peers(
    comparison: Comparison, game: str, num_envs: int, peers: list[str]
) -> Iterator[str]:
    ours = OURS[num_envs]
    names = [EMULATION, *ours, *peers]
    contenders = {who: MAKERS[who](game, num_envs) for who in names}
    rates = measure(contenders, num_envs, comparison.env_steps // num_envs, comparison.rounds)
    yield ""
    yield f"## {TITLES[num_envs]} of {game}"
    yield ""
    winners = [*ours, "emulation"]
    columns = " | ".join(f"{winner} is" for winner in winners)
    yield f"| | steps/s | slowest to fastest | of emulation | {columns} |"
    yield "|---|---:|---:|---:|" + "---:|" * len(winners)
    for who in names:
        beaten = [rates.ratio(winner, who) for winner in (*ours, EMULATION)]
        cells = [f"{ratio:.2f}x" if who in peers else "" for ratio in beaten]
        ratio = rates.ratio(who, EMULATION)
        yield f"| {who} | {figures(rates, who)} | {ratio:.2f} | {' | '.join(cells)} |"


def collecting(comparison: Comparison, game: str) -> Iterator[str]:
    names = [EMULATION, ASYNC, *TRAINING]
    contenders = {who: MAKERS[who](game, 8) for who in names}
    rates = measure(contenders, 8, comparison.env_steps // 8, comparison.rounds)
    yield ""
    yield f"## Collecting with framering train, eight games of {game}"
    yield ""
    yield (
        "Random actions, no update yet: each step is chosen, emulated, encoded into the replay "
        "buffer, counted and logged. Whole games (`--no-terminal-on-life-loss`), as in the tables "
        "above."
    )
    yield ""
    yield "| | steps/s | slowest to fastest | of emulation |"
    yield "|---|---:|---:|---:|"
    for who in names:
        yield f"| {who} | {figures(rates, who)} | {rates.ratio(who, EMULATION):.2f} |"


def figures(rates: Rates, who: str) -> str:
    slowest, fastest = rates.spread(who)
    return f"{rates.median(who):,.0f} | {slowest:,.0f} to {fastest:,.0f}"


def scaling(comparison: Comparison) -> Iterator[str]:
    game = comparison.games[0]
    yield ""
    yield f"## Scaling, {game}"
    yield ""
    yield (
        "Steps a second, medians of a third of the rounds, and the share of what emulation alone "
        "does at that time. By default the calling process is one of as many processes as there "
        f"are cores, here {CORES}."
    )
    yield ""
    columns = ["default", *(f"{number} workers" for number in range(CORES + 1))]
    yield f"| games | {EMULATION} | " + " | ".join(columns) + " |"
    yield "|---:|---:|" + "---:|" * len(columns)
    num_envs = 1
    while num_envs <= comparison.most_envs:
        yield scaling_row(comparison, game, num_envs)
        num_envs *= 2


def scaling_row(comparison: Comparison, game: str, num_envs: int) -> str:
    workers = [None, *range(min(CORES, num_envs) + 1)]
    contenders: dict[str, Contender] = {EMULATION: MAKERS[EMULATION](game, num_envs)}
    for number in workers:
        contenders[str(number)] = framering(game, num_envs, number)
    steps = max(10, comparison.env_steps // num_envs)
    rates = measure(contenders, num_envs, steps, -(-comparison.rounds // 3))
    cells = [f"{num_envs}", f"{rates.median(EMULATION):,.0f}"]
    for number in workers:
        who = str(number)
        cells.append(f"{rates.median(who):,.0f} ({rates.ratio(who, EMULATION):.2f})")
    cells += [""] * (CORES + 2 - len(workers))
    return "| " + " | ".join(cells) + " |"


def sampling(comparison: Comparison) -> Iterator[str]:
    game = comparison.games[0]
    yield ""
    yield f"## Sampling while a worker writes, {game}"
    yield ""
    if CORES == 1:
        yield "Not measured: there is no core for a sampler."
        return
    found = sampling_beside_writers(game, -(-comparison.rounds // 2))
    yield (
        f"Batches of {BATCH} from {GAMES} games that one worker writes flat out, on a core of its "
        "own, while the sampler has another; and from the same ring at rest."
    )
    yield ""
    yield "| at rest | while it is written | ratio | draws | overtaken by the writer |"
    yield "|---:|---:|---:|---:|---:|"
    yield (
        f"| {found.still:,.0f} /s | {found.while_writing:,.0f} /s | {found.ratio:.2f} "
        f"| {found.draws:,} | {found.overruns} ({found.overruns / found.draws:.4%}) |"
    )


if __name__ == "__main__":
    main()
