"""What is reported of the collectors of a run."""

from typing import NamedTuple


class CollectorReport(NamedTuple):
    """State of a run's collectors.

    Attributes
    ----------
    steps_per_second
        Environment steps that arrived from each collector in the last seconds.
    weights_age
        Updates that the learner has made since the weights that the newest chunk was played with.
    samples_per_transition
        Transitions sampled, for each that arrived.
    dropped
        Chunks that were lost or could not be used.
    restarts
        Collectors that died and were replaced.
    """

    steps_per_second: list[float]
    weights_age: int
    samples_per_transition: float
    dropped: int
    restarts: int

    def scalars(self) -> dict[str, float]:
        """Return the values under their TensorBoard tags."""
        each = {
            f"collectors/SPS_{index}": speed for index, speed in enumerate(self.steps_per_second)
        }
        return {
            "collectors/SPS": sum(self.steps_per_second),
            **each,
            "collectors/weights_age": self.weights_age,
            "collectors/samples_per_transition": self.samples_per_transition,
            "collectors/chunks_dropped": self.dropped,
            "collectors/restarts": self.restarts,
        }

    def texts(self) -> list[str]:
        """Return the parts of the progress line, the most important first."""
        speeds = self.steps_per_second
        return [
            f"collectors {len(speeds)} at {min(speeds):,.0f}–{max(speeds):,.0f} SPS",
            f"dropped {self.dropped:,}",
            f"restarts {self.restarts:,}",
            f"weights {self.weights_age:,} updates old",
            f"samples/transition {self.samples_per_transition:.2f}",
        ]
