"""A profile as a table, as JSON and as a trace."""

import dataclasses
import os
from importlib import metadata
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framering._core import cpu_features
from framering.training.profiling.advice import advice
from framering.training.profiling.parts import PARTS
from framering.training.profiling.profile import COMPILING, PHASES, LoopProfile, PhaseTimes
from framering.training.profiling.stopwatch import Span, Total


def report(profile: LoopProfile, console: Console) -> None:
    """Print the time of each part by phase, what workers spend, and the advice."""
    console.print(_table(profile))
    notes = [_worker_note(profile), _compilation_note(profile), advice(profile)]
    for note in filter(None, notes):
        console.print(Text(note), soft_wrap=False)


def _table(profile: LoopProfile) -> Table:
    whole, steady = profile.whole(), profile.steady()
    phases = {name: profile.phases[name] for name in PHASES if profile.phases[name].steps}
    table = Table(
        title=f"{whole.steps:,} environment steps in {whole.seconds:.1f} s: "
        f"{whole.steps / whole.seconds:,.0f} SPS",
        caption="random, acting, learning: µs of an environment step in each phase",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("part")
    for column in (*phases, "share", "calls", "µs a call"):
        table.add_column(column, justify="right")
    for part in PARTS:
        spent, calls = whole.parts.get(part, Total())
        if calls:
            share = steady.parts.get(part, Total()).seconds / steady.seconds
            of_steps = [_microseconds(times, part) for times in phases.values()]
            table.add_row(
                part, *of_steps, f"{share:.1%}", f"{calls:,}", f"{1e6 * spent / calls:,.0f}"
            )
    of_steps = [f"{1e6 * times.seconds / times.steps:,.0f}" for times in phases.values()]
    table.add_section()
    table.add_row("all", *of_steps, "100.0%", "", "")
    speeds = [f"{times.steps / times.seconds:,.0f}" for times in phases.values()]
    table.add_row("steps a second", *speeds, "", "", "")
    table.add_row("steps", *(f"{times.steps:,}" for times in phases.values()), "", "", "")
    return table


def _microseconds(times: PhaseTimes, part: str) -> str:
    spent, calls = times.parts.get(part, Total())
    return f"{1e6 * spent / times.steps:,.0f}" if calls else "–"


def _worker_note(profile: LoopProfile) -> str:
    if not profile.worker_step:
        return ""
    parts = ", ".join(
        f"{part} {1e6 * seconds:,.0f} µs" for part, seconds in profile.worker_step.items()
    )
    return f"In a worker, a step of one game (measured alone, in this process): {parts}."


def _compilation_note(profile: LoopProfile) -> str:
    seconds = profile.phases[COMPILING].seconds
    return (
        f"The first update was compiled in {seconds:.1f} s; no phase counts it." if seconds else ""
    )


def as_json(profile: LoopProfile) -> dict[str, Any]:
    """Return the settings, the versions, the parts by phase and the advice, for a JSON file."""
    phases = {
        name: {
            "steps": times.steps,
            "seconds": times.seconds,
            "parts": {part: total._asdict() for part, total in times.parts.items()},
        }
        for name, times in profile.phases.items()
    }
    return {
        "settings": dataclasses.asdict(profile.config),
        "versions": {
            "framering": metadata.version("framering"),
            "torch": torch.__version__,
            "path": cpu_features()["path"],
            "torch_threads": profile.config.torch_threads or torch.get_num_threads(),
        },
        "phases": phases,
        "worker_step_seconds": profile.worker_step,
        "interrupted": profile.interrupted,
        "advice": advice(profile),
    }


def as_trace(profile: LoopProfile) -> dict[str, Any]:
    """Return the turns of the loop and the calls inside them in Chrome's trace event format.

    ``chrome://tracing`` and https://ui.perfetto.dev open it. Times are microseconds since the first
    turn; complete events (``"ph": "X"``) of a thread nest by their times.
    """
    origin, process = profile.turns[0].start, os.getpid()
    common = {"pid": process, "tid": process}

    def event(span: Span, category: str) -> dict[str, Any]:
        return {
            "name": span.part,
            "cat": category,
            "ph": "X",
            "ts": 1e6 * (span.start - origin),
            "dur": 1e6 * span.seconds,
            **common,
        }

    # Of events that begin at the same time, the outer one comes first.
    events = [event(span, "phase") for span in profile.turns]
    events += [event(span, "part") for span in profile.spans]
    events.sort(key=lambda each: (each["ts"], -each["dur"]))
    name = {"name": "process_name", "ph": "M", "args": {"name": "framering profile"}, **common}
    return {"traceEvents": [name, *events], "displayTimeUnit": "ms"}
