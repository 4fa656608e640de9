"""Actors on Ray that answer requests, each in the order in which they were sent."""

import enum
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple

import ray
from ray.exceptions import (
    GetTimeoutError,
    ObjectLostError,
    ObjectStoreFullError,
    OutOfDiskError,
    RayError,
    RayTaskError,
)

from framering.errors import ConfigError, RunError

MOST_OUTSTANDING = 2
"""Requests of one actor at a time: while it answers one, the next is there already."""

_FETCH_SECONDS = 60.0
_STORE_ERRORS = (ObjectStoreFullError, OutOfDiskError)


class Fault(enum.Enum):
    """Why there is no answer to a request.

    DIED: the actor died. LOST: the answer was lost, or found no room in the object store.
    """

    DIED = enum.auto()
    LOST = enum.auto()


class Received(NamedTuple):
    """The answer to a request of an actor, or why there is none."""

    actor: int
    request: Any
    answer: Any
    fault: Fault | None = None
    reason: str = ""


class _Outstanding(NamedTuple):
    request: Any
    answer: "ray.ObjectRef[Any]"


class ActorPool:
    """Actors that answer requests by their method ``collect``.

    Ray restarts those that die; their requests are not repeated. No more than `MOST_OUTSTANDING`
    requests of an actor are sent at a time, so the answers in the object store are bounded, and
    an actor whose answers aren't received waits.

    Parameters
    ----------
    make
        For each actor, its class and the arguments it is made with. Each takes a core.
    """

    def __init__(self, make: list[tuple[type, tuple[Any, ...]]]) -> None:
        options = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": 0}
        self._actors = [ray.remote(**options)(kind).remote(*arguments) for kind, arguments in make]
        self._sent: list[deque[_Outstanding]] = [deque() for _ in self._actors]
        # The actor that was received from longest ago comes first.
        self._order = deque(range(len(self._actors)))

    def ask_all(self, method: str, timeout: float) -> list[Any]:
        """Call a method of every actor, and return the results.

        Raises
        ------
        ConfigError
            If some actors don't answer in time, or can't be made.
        """
        answers = [getattr(actor, method).remote() for actor in self._actors]
        ready, missing = ray.wait(answers, num_returns=len(answers), timeout=timeout)
        try:
            ray.get(ready)
        except RayError as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"--collectors: a collector can't be made: {reason:.400}") from error
        if missing:
            cores = ray.cluster_resources().get("CPU", 0)
            raise ConfigError(
                f"--collectors: expected {len(answers)} of them within {timeout:.0f} seconds, got "
                f"{len(ready)}; each takes a core, and the cluster has {cores:.0f}: give fewer, or "
                "add machines to it"
            )
        return [ray.get(answer) for answer in answers]

    def room(self, actor: int) -> int:
        """Return how many more requests an actor takes now."""
        return MOST_OUTSTANDING - len(self._sent[actor])

    def send(self, actor: int, argument: "ray.ObjectRef[Any]", request: Any) -> None:
        """Send a request, with an argument that lies in the object store."""
        answer = self._actors[actor].collect.remote(argument, request)
        self._sent[actor].append(_Outstanding(request, answer))

    def forget(self, actor: int) -> None:
        """Drop the answers to an actor's requests that were sent so far."""
        self._sent[actor].clear()

    def receive(self, timeout: float) -> Received | None:
        """Wait for any actor's next answer, and return it; None if there is none in time.

        Raises
        ------
        RunError
            If Ray itself has ended, or an actor's own code failed.
        """
        oldest = {self._sent[actor][0].answer: actor for actor in self._order if self._sent[actor]}
        try:
            ready, _ = ray.wait(list(oldest), timeout=timeout) if oldest else ([], [])
        except RayError as error:
            raise RunError(f"Ray has ended: {' '.join(str(error).split()):.400}") from error
        if not ready:
            return None
        actor = oldest[ready[0]]
        self._order.remove(actor)
        self._order.append(actor)
        request, answer = self._sent[actor].popleft()
        try:
            return Received(actor, request, ray.get(answer, timeout=_FETCH_SECONDS))
        except RayError as error:
            return Received(actor, request, None, _fault_of(actor, error), str(error))

    def close(self) -> None:
        """End the actors, whatever they do."""
        for sent in self._sent:
            sent.clear()
        with suppress(RayError):  # Ray itself may have ended
            for actor in self._actors:
                ray.kill(actor, no_restart=True)
        self._actors = []


def put(value: Any) -> "ray.ObjectRef[Any] | None":
    """Put a value into the object store; return None where that is full."""
    try:
        return ray.put(value)
    except _STORE_ERRORS:
        return None


def _fault_of(actor: int, error: RayError) -> Fault:
    """Return what an error means for the request; raise RunError for one of the actor's own."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, (*_STORE_ERRORS, ObjectLostError, GetTimeoutError)):
        return Fault.LOST
    if isinstance(error, RayTaskError):
        reason = " ".join(str(cause).split())
        raise RunError(f"collector {actor} failed: {reason:.400}") from error
    return Fault.DIED
