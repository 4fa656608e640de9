"""A worker process of a vector environment: it steps some lanes when it is asked to.

It is started afresh, not forked, so whatever threads and locks the parent has do not matter, and it
imports the emulator alone. `WorkerSpec` reaches it as one argument; from then on all it needs is in
shared memory.
"""

import dataclasses
import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from framering import _core
from framering.atari.settings import AtariSettings
from framering.vector.lane import VectorLane
from framering.vector.shared_arrays import Columns, Layout

# Long enough to catch a parent that only draws actions, short against a step.
_SPIN_SECONDS = 200e-6
# The kernel tells of the parent's death; this is the second line of defence.
_LIVENESS_CHECK_SECONDS = 1.0
# Room for the reason of a failure, for each worker.
MESSAGE_BYTES = 2048


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker is started for. Plain data, as JSON."""

    worker: int
    first_lane: int
    last_lane: int
    layout: Layout
    settings: AtariSettings
    same_step_autoreset: bool
    ring_fd: int
    channel_fd: int
    parent: int

    def to_json(self) -> str:
        """Write the task as JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "WorkerSpec":
        """Read a task back; JSON knows no tuples, and the settings have some."""
        fields: dict[str, Any] = json.loads(text)
        lanes, screen_shape = fields["layout"]
        fields["layout"] = Layout(lanes, tuple(screen_shape))
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields["settings"].items()
        }
        fields["settings"] = AtariSettings(**settings)
        return cls(**fields)


def message_bytes(channel: _core.WorkerChannel, worker: int) -> Any:
    """Bytes of a channel's data where a worker leaves the reason of its failure."""
    return channel.data[worker * MESSAGE_BYTES : (worker + 1) * MESSAGE_BYTES]


def columns_of(channel: _core.WorkerChannel, layout: Layout) -> Columns:
    """Columns in a channel's data, behind the messages."""
    return Columns(layout, channel.data[channel.workers * MESSAGE_BYTES :])


def work(task: WorkerSpec) -> None:
    """Step the task's lanes, request by request, until the parent is gone."""
    channel = _core.WorkerChannel.attach(task.channel_fd)
    try:
        ring = _core.Ring.attach(task.ring_fd)
        columns = columns_of(channel, task.layout)
        lanes = [
            VectorLane(index, task.settings, task.same_step_autoreset, ring, columns)
            for index in range(task.first_lane, task.last_lane)
        ]
        while os.getppid() == task.parent:
            if channel.wait_request(task.worker, _SPIN_SECONDS, _LIVENESS_CHECK_SECONDS):
                for lane in lanes:
                    lane.execute()
                channel.complete(task.worker)
    except Exception:
        reason = traceback.format_exc().encode()[-MESSAGE_BYTES:]
        message_bytes(channel, task.worker)[: len(reason)] = bytearray(reason)
        sys.exit(1)


def main() -> None:
    """Run as a process of its own: ``python -c ... TASK``."""
    # A Ctrl-C at the terminal is the parent's to answer; it ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = WorkerSpec.from_json(sys.argv[1])
    _core.exit_with_parent(task.parent)
    work(task)
