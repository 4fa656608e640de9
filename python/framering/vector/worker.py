"""A worker process of a vector environment: it executes the commands of some lanes.

It is started as a new program, not forked, so the parent's threads and locks do not matter, and it
imports only the emulator. It receives its `WorkerSpec` as an argument; everything else passes
through shared memory.
"""

import dataclasses
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from framering import _core
from framering.atari.settings import AtariSettings
from framering.vector.lane import LaneSetup, VectorLane
from framering.vector.shared_arrays import Columns, Layout

# Long enough for a parent that only samples actions, but short compared with a step.
_SPIN_SECONDS = 200e-6
# `exit_with_parent` ends a worker with its parent; the worker checks that, too, at this interval.
_PARENT_CHECK_SECONDS = 1.0
# Space for the traceback of a failed worker.
TRACEBACK_BYTES = 2048


@dataclass(frozen=True)
class WorkerSpec:
    """Lanes and settings of a worker: plain data that is sent as JSON."""

    worker: int
    first_lane: int
    last_lane: int
    layout: Layout
    settings: AtariSettings
    same_step_autoreset: bool
    asynchronous: bool
    ring_fd: int
    channel_fd: int
    parent: int

    def to_json(self) -> str:
        """Return the specification as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "WorkerSpec":
        """Read what `to_json` returned."""
        fields: dict[str, Any] = json.loads(text)
        lanes, *shapes = fields["layout"]
        fields["layout"] = Layout(lanes, *map(tuple, shapes))
        fields["settings"] = AtariSettings(**fields["settings"])
        return cls(**fields)


def traceback_bytes(channel: _core.WorkerChannel, worker: int) -> Any:
    """Return the part of the shared data for the traceback of a worker."""
    return channel.data[worker * TRACEBACK_BYTES : (worker + 1) * TRACEBACK_BYTES]


def columns_in(channel: _core.WorkerChannel, layout: Layout) -> Columns:
    """Return the columns in the shared data, which follow the tracebacks."""
    return Columns(layout, channel.data[channel.workers * TRACEBACK_BYTES :])


def run_worker(spec: WorkerSpec) -> None:
    """Execute the commands of a worker's lanes, request by request, until the parent has ended."""
    channel = _core.WorkerChannel.attach(spec.channel_fd)
    try:
        ring = _core.Ring.attach(spec.ring_fd)
        setup = LaneSetup(spec.settings, spec.same_step_autoreset, ring)
        columns = columns_in(channel, spec.layout)
        lanes = [
            VectorLane(index, setup, columns) for index in range(spec.first_lane, spec.last_lane)
        ]
        execute = _execute_running if spec.asynchronous else _execute_all
        while os.getppid() == spec.parent:
            execute(channel, spec, lanes)
    except Exception:
        reason = traceback.format_exc().encode()[-TRACEBACK_BYTES:]
        traceback_bytes(channel, spec.worker)[: len(reason)] = bytearray(reason)
        sys.exit(1)


def _execute_all(
    channel: _core.WorkerChannel, spec: WorkerSpec, lanes: Sequence[VectorLane]
) -> None:
    """Execute the commands of all lanes, if a request comes."""
    if channel.wait_request(spec.worker, _SPIN_SECONDS, _PARENT_CHECK_SECONDS):
        for lane in lanes:
            lane.execute()
        channel.complete(spec.worker)


def _execute_running(
    channel: _core.WorkerChannel, spec: WorkerSpec, lanes: Sequence[VectorLane]
) -> None:
    """Execute the commands of those lanes that have one, in turn; each is finished at once."""
    bounds = spec.first_lane, spec.last_lane
    for index in channel.wait_running(spec.worker, *bounds, _SPIN_SECONDS, _PARENT_CHECK_SECONDS):
        lanes[index - spec.first_lane].execute()
        channel.finish(index)


def main() -> None:
    """Run as a process of its own: ``python -c ... SPEC``."""
    # The parent handles a Ctrl-C at the terminal, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    spec = WorkerSpec.from_json(sys.argv[1])
    _core.exit_with_parent(spec.parent)
    run_worker(spec)
