"""The environments of a run whose games are played by collectors on Ray."""

import dataclasses
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framering.config import TrainConfig
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions
from framering.errors import ConfigError, RunError
from framering.replay.buffer import ReplayBuffer
from framering.reporting.collectors import CollectorReport
from framering.training.collectors.collector import Collector
from framering.training.collectors.lanes import ChunkWriter
from framering.training.collectors.messages import (
    Chunks,
    CollectorSettings,
    Request,
    Versions,
    versions,
)
from framering.training.collectors.rates import Rates
from framering.training.task import TaskSpec

if TYPE_CHECKING:
    from framering.integrations.ray import Received

# Until all collectors have answered at the start; a cluster may add machines first.
_START_SECONDS = 120.0
# The loop looks for a signal that ends the run as often.
_WAIT_SECONDS = 0.5
# A collector that has failed gets its next request after so many seconds. Ray refuses requests
# while it restarts an actor.
_RETRY_SECONDS = 0.5
# The run ends once every collector has failed for so long.
_MOST_FAILING_SECONDS = 180.0


@dataclasses.dataclass
class _Progress:
    """Where a collector is.

    Attributes
    ----------
    incarnation, sequence
        Of its next request.
    died
        Whether it has died and its replacement has not answered yet.
    failing_since
        When it has failed first since its last answer, if it has.
    retry_at
        When it gets its next request.
    """

    incarnation: int
    sequence: int = 0
    died: bool = False
    failing_since: float | None = None
    retry_at: float = 0.0


class CollectedEnvironments:
    """The games of a run that collectors play, which write into its replay buffer.

    Each collector is an actor on Ray. It has two requests at a time, so that it plays while the
    learner learns, and waits where the learner is slower. A collector that dies is restarted by
    Ray, and its games begin new episodes: an *incarnation*.

    Parameters
    ----------
    config
        The run's settings.
    task
        Its game.
    network
        What its network is made of.
    replay
        Its replay buffer, of which this object is the only writer.

    Attributes
    ----------
    dropped
        Chunks that were lost or could not be used.
    restarts
        Collectors that died and were replaced.

    Raises
    ------
    ConfigError
        If there is no such cluster, it has too few cores, or its versions are others.
    """

    def __init__(
        self, config: TrainConfig, task: TaskSpec, network: NetworkOptions, replay: ReplayBuffer
    ) -> None:
        from framering.integrations.ray import ActorPool, RaySession

        self.dropped = self.restarts = 0
        self._config = config
        self._writer = ChunkWriter(replay, config.collector_envs)
        self._collectors = [_Progress(incarnation=0) for _ in range(config.collectors)]
        self._rates = Rates(config.collectors)
        self._weights: Any = None
        self._version = self._weights_age = self._sampled = self._arrived = 0
        settings = collector_settings(config, network)
        store_bytes = _store_bytes(config, task)
        with ExitStack() as stack:
            session = RaySession(config.ray_address, config.collectors, store_bytes)
            stack.callback(session.close)
            self._pool = ActorPool(
                [(Collector, (settings, index)) for index in range(config.collectors)]
            )
            stack.callback(self._pool.close)
            _check_versions(self._pool.ask_all("versions", _START_SECONDS))
            self._resources = stack.pop_all()

    def reset(self, *, seed: int) -> tuple[NDArray[Any], dict[str, Any]]:
        """Return no observations: each collector begins its episodes at its first request."""
        return np.empty(0, np.uint8), {}

    def collect(self, learner: Learner, epsilons: NDArray[np.float64]) -> dict[str, Any]:
        """Send requests to the collectors that have too few, and write one that was answered.

        Parameters
        ----------
        learner
            Whose weights the collectors act with.
        epsilons
            That of each collector, (collectors,).

        Returns
        -------
        dict
            ``steps``, the transitions that were written: 0 if none arrived for half a second; and
            ``episode`` and ``_episode``, the games that have ended, as in a vector environment's
            infos.
        """
        self._send_requests(learner, epsilons)
        received = self._pool.receive(_WAIT_SECONDS)
        chunks = None if received is None else self._take(received)
        steps = 0
        if received is not None and chunks is not None:
            steps, unusable = self._writer.write(received.actor, received.request, chunks)
            self.dropped += unusable
            self._rates.add(received.actor, steps)
            self._weights_age = learner.updates - received.request.version
        self._arrived += steps
        self._sampled = learner.updates * self._config.batch_size
        episodes = np.array(chunks.episodes if chunks else [], np.float64).reshape(-1, 2)
        return {
            "steps": steps,
            "episode": {"r": episodes[:, 0], "l": episodes[:, 1].astype(np.int64)},
            "_episode": np.ones(len(episodes), np.bool_),
        }

    def report(self) -> CollectorReport:
        """Return the collectors' speeds and what was lost, for the run's logger."""
        return CollectorReport(
            self._rates.per_second(),
            self._weights_age,
            self._sampled / max(self._arrived, 1),
            self.dropped,
            self.restarts,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the collectors' incarnations; what they are playing is not saved."""
        return {"incarnations": [one.incarnation for one in self._collectors]}

    def load_state_dict(self, state: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begin incarnations that the saved run had not, also with other numbers of collectors."""
        incarnation = 1 + max(state["incarnations"])
        self._collectors = [_Progress(incarnation) for _ in self._collectors]
        return np.empty(0, np.uint8), {}

    def close(self) -> None:
        """End the collectors, and Ray where this run has started it."""
        self._resources.close()

    def _send_requests(self, learner: Learner, epsilons: NDArray[np.float64]) -> None:
        now = time.monotonic()
        for index, collector in enumerate(self._collectors):
            if now < collector.retry_at:
                continue
            for _ in range(self._pool.room(index)):
                self._put_weights(learner)
                epsilon = float(epsilons[index])
                request = Request(collector.incarnation, collector.sequence, self._version, epsilon)
                self._pool.send(index, self._weights, request)
                collector.sequence += 1

    def _put_weights(self, learner: Learner) -> None:
        """Put the learner's weights into the object store, if those there are too old.

        Where that is full, the collectors go on with the old ones.
        """
        from framering.integrations.ray import put

        if self._weights is not None and (
            learner.updates - self._version < self._config.weights_every
        ):
            return
        stored = put(learner.acting_weights())
        if stored is not None:
            self._weights, self._version = stored, learner.updates
        elif self._weights is None:
            raise RunError(
                "the network's weights don't fit into Ray's object store, which is full: start "
                "the cluster with a larger --object-store-memory"
            )

    def _take(self, received: "Received") -> Chunks | None:
        """Return the chunks of an answer, or None where there are none."""
        from framering.integrations.ray import Fault

        collector = self._collectors[received.actor]
        answer: Chunks | None = received.answer
        if answer is not None:
            self.restarts += collector.died
            collector.died, collector.failing_since = False, None
            return answer
        if received.fault is Fault.LOST:
            self.dropped += self._config.collector_envs
        else:
            # Another process has its place, which doesn't know the earlier requests.
            collector.died = True
            self._pool.forget(received.actor)
            collector.incarnation, collector.sequence = collector.incarnation + 1, 0
        now = time.monotonic()
        collector.retry_at = now + _RETRY_SECONDS
        if collector.failing_since is None:
            collector.failing_since = now
        since = [one.failing_since for one in self._collectors]
        if all(one is not None and now - one >= _MOST_FAILING_SECONDS for one in since):
            raise RunError(
                f"all collectors have failed for {_MOST_FAILING_SECONDS:.0f} seconds; the last "
                f"error: {' '.join(received.reason.split()):.400}"
            )
        return None


def collector_settings(config: TrainConfig, network: NetworkOptions) -> CollectorSettings:
    """Return the settings of a run's collectors."""
    return CollectorSettings(
        env_id=config.env_id,
        screen_size=config.screen_size,
        terminal_on_life_loss=config.terminal_on_life_loss,
        repeat_action_probability=config.repeat_action_probability,
        network=network,
        num_envs=config.collector_envs,
        steps=config.collector_steps,
        seed=config.seed,
    )


def _check_versions(found: list[Versions]) -> None:
    """Raise ConfigError where a collector's versions are not those of this process."""
    own = versions()
    for index, other in enumerate(found):
        if other != own:
            raise ConfigError(
                f"--collectors: expected {_describe(own)} on all machines, got {_describe(other)} "
                f"in collector {index}: install the same there"
            )


def _describe(found: Versions) -> str:
    return f"framering {found.framering} (protocol {found.protocol}) with torch {found.torch}"


def _store_bytes(config: TrainConfig, task: TaskSpec) -> int:
    """Return how much of the object store chunks can take, if all of their frames are raw."""
    from framering.integrations.ray import MOST_OUTSTANDING

    slots = 2 * config.collector_steps * config.lanes
    return (MOST_OUTSTANDING + 1) * slots * (task.frame_bytes + 64)
