"""Writing the collectors' chunks into the lanes of a replay buffer."""

from framering.replay.buffer import ReplayBuffer
from framering.training.collectors.messages import Chunks, Request

# The slots that are moved from one buffer to another at a time.
_MOVED_SLOTS = 1024


class ChunkWriter:
    """The only writer of a replay buffer whose lanes are the games of collectors.

    Game j of collector i has lane ``i · num_envs + j``. A chunk continues its lane's newest segment
    where it follows the one before of the same game; else it begins a segment of its own.

    Parameters
    ----------
    replay
        The buffer.
    num_envs
        Games of each collector.
    """

    def __init__(self, replay: ReplayBuffer, num_envs: int) -> None:
        self._num_envs = num_envs
        self._writers = [replay.ring.writer(lane) for lane in range(replay.n_envs)]
        # The incarnation and the sequence number of the chunk that would continue each lane.
        self._next: list[tuple[int, int] | None] = [None] * replay.n_envs

    def write(self, collector: int, request: Request, chunks: Chunks) -> tuple[int, int]:
        """Write the chunks of a collector's games.

        Returns
        -------
        tuple
            The number of transitions, and of chunks that could not be used.
        """
        transitions = unusable = end = 0
        data = chunks.data.data
        for game, size in enumerate(chunks.sizes):
            lane, begin, end = collector * self._num_envs + game, end, end + size
            continues = self._next[lane] == (request.incarnation, request.sequence)
            try:
                transitions += self._writers[lane].write_chunk(data[begin:end], continues)
                self._next[lane] = request.incarnation, request.sequence + 1
            except ValueError:
                unusable += 1
                self._next[lane] = None
        return transitions, unusable


def move_transitions(source: ReplayBuffer, target: ReplayBuffer) -> None:
    """Copy the transitions of a buffer into the lanes of an empty one for the same spaces.

    They are dealt out in pieces, the oldest first, so that the newest stay where there is not room
    for all. Each piece is a segment of its own: an n-step return ends where it ends.
    """
    writers = [target.ring.writer(lane) for lane in range(target.n_envs)]
    for number, (lane, first, slots) in enumerate(_pieces(source)):
        chunk = source.ring.read_chunk(lane, first, slots)
        writers[number % len(writers)].write_chunk(chunk, False)


def _pieces(source: ReplayBuffer) -> list[tuple[int, int, int]]:
    """Return the lane, the first slot and the number of slots of all pieces, the oldest first."""
    pieces = []
    for lane, (first, end) in enumerate(source.window(guard=0).bounds()):
        for begin in range(first, end, _MOVED_SLOTS):
            slots = min(_MOVED_SLOTS, end - begin)
            pieces.append((end - begin, lane, begin, slots))
    return [(lane, begin, slots) for _, lane, begin, slots in sorted(pieces, reverse=True)]
