"""The compiled core. Private: the package's modules are the interface."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, final

import numpy as np
from _typeshed import ReadableBuffer, structseq
from numpy.typing import NDArray

_Image: TypeAlias = NDArray[np.uint8]
_Order: TypeAlias = Literal["gymnasium", "sb3", "cleanrl"]
_Palette: TypeAlias = Literal["ntsc", "pal"]

# system

def cpu_features() -> dict[str, bool | str]: ...
def system_calls() -> Literal["linux", "posix"]: ...
def available_memory() -> int: ...

class WorkerChannel:
    """Requests to worker processes and their completions, in shared memory.

    Times are in seconds.
    """

    def __init__(self, *, workers: int, data_bytes: int, lanes: int = 0) -> None: ...
    @staticmethod
    def attach(fd: int) -> WorkerChannel: ...
    @property
    def fd(self) -> int: ...
    @property
    def workers(self) -> int: ...
    @property
    def data(self) -> NDArray[np.uint8]: ...
    def request(self, worker: int) -> None: ...
    def request_all(self) -> None: ...
    def wait_all(self, spin: float, timeout: float, spin_for_first: bool = False) -> int | None: ...
    def cancel(self, worker: int) -> None: ...
    def wait_request(self, worker: int, spin: float, timeout: float) -> bool: ...
    def complete(self, worker: int) -> None: ...
    def start(self, lanes: NDArray[np.int64], workers: NDArray[np.int64]) -> None: ...
    def wait_ready(self, number: int, spin: float, timeout: float) -> int: ...
    def take_ready(self, most: int) -> NDArray[np.int64]: ...
    def next_own(self, own: int, number: int) -> int | None: ...
    def running(self, first: int, last: int) -> NDArray[np.int64]: ...
    def wait_running(
        self, worker: int, first: int, last: int, spin: float, timeout: float
    ) -> list[int]: ...
    def finish(self, lane: int) -> None: ...

def exit_with_parent(parent: int) -> None: ...
def keep_freed_memory() -> None: ...

# frame

def resize_area(image: _Image, size: tuple[int, int], out: _Image | None = None) -> _Image: ...
def rgb_to_gray(image: _Image, out: _Image | None = None) -> _Image: ...
def palette_to_gray(
    screen: _Image, out: _Image | None = None, palette: _Palette = "ntsc"
) -> _Image: ...
def palette_to_rgb(
    screen: _Image, out: _Image | None = None, palette: _Palette = "ntsc"
) -> _Image: ...
def scale_stacks(stacks: _Image, out: NDArray[np.float32]) -> None: ...
def shift_stacks(stacks: _Image, shifts: NDArray[np.int64], out: _Image) -> None: ...

# vector

@final
class LentBlocks:
    """Blocks of one memory (blocks, ...), lent until nobody refers to them any more."""

    def __init__(self, memory: NDArray[np.uint8]) -> None: ...
    def lend(self) -> tuple[int, NDArray[np.uint8]] | None:
        """Return the index of a block that is not lent, and the block as it was left, or None."""

@final
class LaneTable:
    """Commands and results of all lanes, in memory of the caller: rows of ``row_bytes`` bytes.

    The properties are views of one field of all rows, each of shape (lanes,), or (3, lanes) of
    counters.
    """

    row_bytes: Final[int]

    def __init__(self, memory: NDArray[np.uint8], observations: NDArray[np.uint8]) -> None: ...
    def command_of(self, lane: int) -> tuple[int, int]:
        """Return the command of a lane, and its action."""
    def can_step(self, lanes: Any, actions: Any, num_actions: int) -> bool:
        """Return whether both are int64 (B,), each in range, of different lanes, none running."""
    def command_steps(
        self,
        lanes: NDArray[np.int64],
        actions: NDArray[np.integer[Any]],
        reset_ended: bool,
        block: int | None = None,
    ) -> None:
        """Write the command of each lane: a step, or, if `reset_ended`, a reset of an ended one.

        Either gathers the lane's observation into that block of the observations, if there is one.
        """
    def collect(self, lanes: NDArray[np.int64]) -> tuple[Any, ...]:
        """Return results of lanes that have finished, as new arrays; see `stepper.StepResults`."""
    def finish_step(
        self,
        lane: int,
        writer: LaneWriter,
        frame: NDArray[np.uint8],
        action: int,
        reward: float,
        terminated: bool,
        truncated: bool,
        lives: int,
        frame_number: int,
        episode_frame_number: int,
    ) -> None:
        """Append a frame and its transition to the ring, then write the results of the step.

        The lane's observation is gathered as by `gather_observation`.
        """
    def gather_observation(self, lane: int, writer: LaneWriter) -> None:
        """Gather the lane's newest stack into the block that came with its command, if one did."""
    @property
    def command(self) -> NDArray[np.uint8]: ...
    @property
    def running(self) -> NDArray[np.bool_]: ...
    @property
    def ended(self) -> NDArray[np.bool_]: ...
    @property
    def restarted(self) -> NDArray[np.bool_]: ...
    @property
    def resets(self) -> NDArray[np.bool_]: ...
    @property
    def action(self) -> NDArray[np.int64]: ...
    @property
    def seed(self) -> NDArray[np.uint64]: ...
    @property
    def terminated(self) -> NDArray[np.bool_]: ...
    @property
    def truncated(self) -> NDArray[np.bool_]: ...
    @property
    def game_over(self) -> NDArray[np.bool_]: ...
    @property
    def reward(self) -> NDArray[np.float64]: ...
    @property
    def counters(self) -> NDArray[np.int64]: ...
    @property
    def final_counters(self) -> NDArray[np.int64]: ...
    @property
    def game_return(self) -> NDArray[np.float64]: ...
    @property
    def game_frames(self) -> NDArray[np.int64]: ...
    @property
    def game_seconds(self) -> NDArray[np.float64]: ...
    @property
    def state_bytes(self) -> NDArray[np.int64]: ...

class AtariPreprocessor:
    def __init__(
        self,
        *,
        screen_shape: tuple[int, int] = (210, 160),
        output_shape: tuple[int, int] = (84, 84),
        order: _Order,
        palette: _Palette = "ntsc",
        grayscale: bool = True,
    ) -> None: ...
    def process(self, last: _Image, previous: _Image | None, out: _Image) -> None: ...

# ring

class Ring:
    """The frame ring: one writer a lane, any number of readers, in this and other processes."""

    def __init__(
        self,
        *,
        lanes: int,
        slots: int,
        frame_bytes: int,
        stack: int,
        action_bytes: int = 8,
        row_bytes: int = 0,
        memory_limit: int = 0,
        shared: bool = False,
    ) -> None: ...
    @staticmethod
    def attach(fd: int) -> Ring: ...
    @property
    def fd(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    @property
    def slots(self) -> int: ...
    @property
    def frame_bytes(self) -> int: ...
    @property
    def stack(self) -> int: ...
    @property
    def action_bytes(self) -> int: ...
    @property
    def row_bytes(self) -> int: ...
    @property
    def memory_limit(self) -> int: ...
    def writer(self, lane: int) -> LaneWriter: ...
    def published(self) -> NDArray[np.uint64]: ...
    def frame_locations(self, lane: int) -> NDArray[np.uint64]:
        """Return where the encoded frames of a lane are: uint64 (slots, 2).

        Of each slot that is whole, oldest first: the position of the 8-byte word at which its frame
        ends, and the words from the begin of its key or raw frame to there.
        """
    def read_chunk(self, lane: int, first: int, limit: int) -> bytes:
        """Return the published slots of a lane from `first` on as bytes, at most `limit` of them.

        Slots are counted as `published` counts them. In front of them come as many slots as their
        observations read, so that `LaneWriter.write_chunk` can append them to a lane of any ring
        with the same frames, stack and actions, in another process or on another machine. With
        `first` equal to what is published, the chunk is empty.

        Raises ValueError for a limit of 0, and IndexError for a `first` that is above what is
        published, or that is overwritten or reads slots that are.
        """
    def gather_newest(
        self, out: NDArray[np.uint8], first_lane: int = 0, number: int | None = None
    ) -> None: ...
    def gather_newest_of(self, out: NDArray[np.uint8], lanes: NDArray[np.int64]) -> None: ...
    def gather(
        self,
        lanes: NDArray[np.int64],
        slots: NDArray[np.int64],
        out: NDArray[np.uint8],
        next_out: NDArray[np.uint8] | None = None,
    ) -> None: ...

class LaneWriter:
    """The one writer of a lane; each method returns the slot that it wrote last."""

    def begin_segment(self, frame: NDArray[np.uint8]) -> int: ...
    def resume_segment(self) -> None: ...
    def append(
        self,
        frame: NDArray[np.uint8],
        action: int | NDArray[Any],
        reward: float,
        terminated: bool,
        truncated: bool,
    ) -> int: ...
    def add(
        self,
        obs: NDArray[np.uint8],
        next_obs: NDArray[np.uint8],
        action: int | NDArray[Any],
        reward: float,
        terminated: bool,
        truncated: bool,
    ) -> int: ...
    def write_chunk(self, chunk: ReadableBuffer, continues: bool) -> int:
        """Append the slots of a chunk, and return the number of transitions added.

        With `continues`, the chunk's first slot follows the lane's newest slot: its context must
        equal the lane's newest slots, and is not written again. Without it, a chunk that begins
        inside a segment begins a new one here, and its context is written in front of it as slots
        that are no transitions.

        Raises ValueError, and writes nothing, for bytes that are no chunk, are damaged, of another
        version or of another kind of ring, or do not continue the lane. Raises MemoryError where
        shared memory has no room for a frame: the slots before it are written then, and the next
        chunk does not continue the lane.
        """

class Recorder:
    """Writes the transitions of all lanes; false where an argument must be converted first."""

    def __init__(
        self,
        ring: Ring,
        obs_dtype: np.dtype[Any],
        obs_shape: Sequence[int],
        action_dtype: np.dtype[Any],
        actions: NDArray[Any] | None,
    ) -> None: ...
    def add(
        self,
        obs: object,
        next_obs: object,
        action: object,
        reward: object,
        done: object,
        infos: object,
        /,
    ) -> bool: ...

class Window:
    """What a sampler may draw from, at one moment."""

    def counts(self) -> list[int]: ...
    def bounds(self) -> list[tuple[int, int]]: ...
    def __len__(self) -> int: ...

@final
class Batch(structseq[Any], tuple[Any, ...]):
    """A batch of transitions, as NumPy arrays.

    With one-step transitions, discounts and slot_indices are None. Only the batch of a prioritized
    sampler has indices and weights.
    """

    __match_args__: Final = (
        "observations",
        "actions",
        "next_observations",
        "dones",
        "rewards",
        "discounts",
        "slot_indices",
        "indices",
        "weights",
    )
    @property
    def observations(self) -> NDArray[Any]: ...
    @property
    def actions(self) -> NDArray[Any]: ...
    @property
    def next_observations(self) -> NDArray[Any]: ...
    @property
    def dones(self) -> NDArray[np.float32]: ...
    @property
    def rewards(self) -> NDArray[np.float32]: ...
    @property
    def discounts(self) -> NDArray[np.float32] | None: ...
    @property
    def slot_indices(self) -> NDArray[np.int64] | None:
        """(B, 3): lane, arrival slot and steps taken."""
    @property
    def indices(self) -> NDArray[np.int64] | None: ...
    @property
    def weights(self) -> NDArray[np.float32] | None: ...

_Out: TypeAlias = tuple[Any, ...] | None

class SamplerBase:
    """Shared by the uniform and the prioritized sampler."""

    def fetch(self, slot_indices: NDArray[np.int64], contiguous: bool) -> Batch: ...
    def step_rewards(self, slot_indices: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def steps(self, numbers: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return slots, actions, rewards, terminated and truncated of (B, 2) lanes and numbers.

        A number counts the lane's transitions since the last `forget`. A row that is not in the
        buffer has slot -1 and zeros.
        """
    def window(self, guard: int) -> Window: ...
    def least_transitions_seen(self) -> int: ...
    def forget(self) -> None: ...
    def save(self, fd: int, extra: bytes) -> None: ...
    def dump(self, extra: bytes) -> bytes: ...
    def load(
        self,
        fd: int,
        prefix: bytes,
        accept: Callable[[bytes, int], object],
    ) -> None: ...
    def load_bytes(
        self,
        snapshot: bytes,
        prefix: bytes,
        accept: Callable[[bytes, int], object],
    ) -> None: ...
    generator_state: tuple[int, int, int, int]

class Sampler(SamplerBase):
    """Draws uniformly."""

    def __init__(
        self,
        *,
        ring: Ring,
        obs_dtype: np.dtype[Any],
        obs_shape: Sequence[int],
        action_dtype: np.dtype[Any],
        capacity: int,
        n_step: int,
        gamma: float,
        seed: int,
    ) -> None: ...
    def sample(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: _Out,
    ) -> Batch: ...
    @property
    def overruns(self) -> int: ...

class PrioritizedSampler(SamplerBase):
    """Draws in proportion to priorities."""

    def __init__(
        self,
        *,
        ring: Ring,
        obs_dtype: np.dtype[Any],
        obs_shape: Sequence[int],
        action_dtype: np.dtype[Any],
        capacity: int,
        n_step: int,
        gamma: float,
        seed: int,
        alpha: float,
    ) -> None: ...
    def sample(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: _Out,
        beta: float,
    ) -> Batch: ...
    def update(
        self, indices: NDArray[np.int64], priorities: NDArray[Any], epsilon: float
    ) -> None: ...
    def priorities(self) -> tuple[NDArray[np.float32], float]: ...
    def restore(self, priorities: NDArray[np.float32], highest: float) -> None: ...
    @property
    def least_probability(self) -> float:
        """Of a row of the last sample; 1 before the first."""
    alpha: float
