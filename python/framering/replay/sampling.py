"""Strategies by which a buffer draws transitions: uniformly, or in proportion to priorities."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter, itemgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framering._core import Batch, PrioritizedSampler, Sampler, SamplerBase, Window
from framering.replay.arguments import real
from framering.replay.output import Layouts, column
from framering.replay.samples import PrioritizedReplayBufferSamples, ReplayBufferSamples


class SamplingStrategy(Protocol):
    """How a buffer draws transitions.

    A strategy is attached to the ring of one buffer. A pickle of it holds only its parameters.
    """

    samples: type[Any]
    """The class of a sample."""

    fields: Callable[[Batch], tuple[Any, ...]]
    """The fields of a sample, in the order of its class, out of a batch of the core."""

    def attach(self, **options: Any) -> SamplerBase:
        """Make the core's sampler over a ring, and return it."""

    def draw(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: tuple[Any, ...] | None,
    ) -> Batch:
        """Draw a batch, and fill the six arrays `out` if given."""

    def further_layouts(self, batch_size: int) -> Layouts:
        """Return the layouts of the fields beyond those of `ReplayBufferSamples`."""

    def state(self) -> bytes:
        """Return the strategy's state, for a snapshot."""

    def read_state(self, state: bytes, slots: int) -> Any:
        """Check and decode a state that belongs to a snapshot of so many slots.

        Raises
        ------
        ValueError
            If it is no state of this strategy.
        """

    def restore(self, decoded: Any) -> None:
        """Set the state that `read_state` has decoded."""


class UniformSampling:
    """Draw transitions uniformly, with replacement."""

    samples = ReplayBufferSamples
    # A batch begins with the fields of a sample; a slice is cheaper than so many attributes.
    fields: Callable[[Batch], tuple[Any, ...]] = itemgetter(slice(len(ReplayBufferSamples._fields)))

    def attach(self, **options: Any) -> SamplerBase:
        """Make the core's sampler over a ring."""
        sampler = Sampler(**options)
        self.draw = sampler.sample
        return sampler

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: there are no parameters."""
        return {}

    def further_layouts(self, batch_size: int) -> Layouts:
        """Return no layouts."""
        return {}

    def state(self) -> bytes:
        """Return an empty state."""
        return b""

    def read_state(self, state: bytes, slots: int) -> None:
        """Accept any state: priorities are ignored."""

    def restore(self, decoded: None) -> None:
        """Do nothing."""


class PrioritizedSampling:
    """Draw transitions in proportion to their priorities (see `PrioritizedReplayBuffer`)."""

    samples = PrioritizedReplayBufferSamples
    fields: Callable[[Batch], tuple[Any, ...]] = attrgetter(*PrioritizedReplayBufferSamples._fields)

    def __init__(self, alpha: float, beta: float, epsilon: float) -> None:
        self._alpha = _exponent(alpha)
        self.beta = beta
        self.epsilon = epsilon

    def attach(self, **options: Any) -> SamplerBase:
        """Make the core's sampler over a ring."""
        self._sampler = PrioritizedSampler(**options, alpha=self._alpha)
        return self._sampler

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters, without the core's sampler."""
        return {"_alpha": self.alpha, "_beta": self.beta, "_epsilon": self.epsilon}

    @property
    def alpha(self) -> float:
        """The exponent of priorities."""
        return self._sampler.alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        self._sampler.alpha = _exponent(alpha)

    @property
    def beta(self) -> float:
        """The exponent of importance weights."""
        return self._beta

    @beta.setter
    def beta(self, beta: float) -> None:
        self._beta = real("beta", beta, 0)

    @property
    def epsilon(self) -> float:
        """The number that is added to each priority."""
        return self._epsilon

    @epsilon.setter
    def epsilon(self, epsilon: float) -> None:
        self._epsilon = real("epsilon", epsilon, _SMALLEST, _LARGEST)

    @property
    def least_probability(self) -> float:
        """The least probability of a row of the last batch."""
        return self._sampler.least_probability

    def draw(
        self,
        batch_size: int,
        seed: float | None,
        window: Window | None,
        contiguous: bool,
        out: tuple[Any, ...] | None,
    ) -> Batch:
        """Draw a batch, and fill the six arrays `out` if given."""
        return self._sampler.sample(batch_size, seed, window, contiguous, out, self._beta)

    def further_layouts(self, batch_size: int) -> Layouts:
        """Return the layouts of indices and weights."""
        return {
            "indices": ((batch_size,), np.dtype(np.int64)),
            "weights": column(batch_size),
        }

    def update(self, indices: NDArray[np.int64], priorities: NDArray[Any]) -> None:
        """Set the priorities of transitions."""
        self._sampler.update(indices, priorities, self._epsilon)

    def state(self) -> bytes:
        """Return the parameters and the priority of each slot."""
        priorities, highest = self._sampler.priorities()
        header = {"alpha": self.alpha, "beta": self.beta, "highest": highest}
        return json.dumps(header).encode() + b"\n" + priorities.tobytes()

    def read_state(self, state: bytes, slots: int) -> dict[str, Any]:
        """Check and decode a state that belongs to a snapshot of so many slots."""
        line, _, values = state.partition(b"\n")
        if not line:
            raise ValueError("the snapshot is of a plain ReplayBuffer: it has no priorities")
        header = _read_header(line)
        if len(values) != 4 * slots:
            raise ValueError(
                f"the snapshot contradicts itself: expected {slots} priorities of 4 bytes, got "
                f"{len(values)} bytes"
            )
        priorities = np.frombuffer(values, np.float32)
        if not (np.isfinite(priorities) & (priorities >= 0)).all():
            raise ValueError(
                "the snapshot contradicts itself: expected finite priorities of at least 0"
            )
        return {**header, "priorities": priorities}

    def restore(self, decoded: dict[str, Any]) -> None:
        """Set the state that `read_state` has decoded."""
        self.alpha, self.beta = decoded["alpha"], decoded["beta"]
        self._sampler.restore(decoded["priorities"], decoded["highest"])


def _exponent(alpha: Any) -> float:
    # Above 7, powers of float32 would leave the range of float64.
    return real("alpha", alpha, 0, 7)


def _read_header(line: bytes) -> dict[str, float]:
    """Decode the parameters of a prioritized buffer; refuse those that no buffer has."""
    try:
        header = json.loads(line)
        return {
            "alpha": _exponent(header["alpha"]),
            "beta": real("beta", header["beta"], 0),
            "highest": real("highest", header["highest"], float(np.nextafter(0, 1)), _LARGEST),
        }
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(
            "the snapshot contradicts itself: expected alpha, beta and highest as finite float32 "
            f"numbers of at least 0, got {line!r:.100}"
        ) from error


# Priorities are normal float32 numbers.
_SMALLEST = float(np.finfo(np.float32).tiny)
_LARGEST = float(np.finfo(np.float32).max)
