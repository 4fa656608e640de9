"""Training: the loop, its components, checkpoints and evaluation."""

from typing import TYPE_CHECKING, Any

from framering.errors import OldLibraryError

try:
    from gymnasium.vector import AutoresetMode as _AutoresetMode  # noqa: F401
except ImportError as reason:
    raise OldLibraryError(
        "training needs Gymnasium 1.1 or newer: pip install -U gymnasium ale-py"
    ) from reason

if TYPE_CHECKING:
    from framering.training.finish import TrainResult
    from framering.training.loop import train

__all__ = ["TrainResult", "train"]


if not TYPE_CHECKING:  # with it, type checkers would accept every name

    def __getattr__(name: str) -> Any:
        """Import a public name on first use, so that importing a part of the package is light."""
        if name == "train":
            from framering.training.loop import train

            return train
        if name == "TrainResult":
            from framering.training.finish import TrainResult

            return TrainResult
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
