"""Pictures of the distributions that a network predicts for the returns of the actions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 160
_BINS = 40
_BACKGROUND = (16, 16, 24)
_BARS, _CHOSEN, _MEAN = (90, 110, 150), (240, 180, 60), (255, 255, 255)


class DistributionView:
    """A vector environment's pictures, with the distributions of the actions on their right.

    There is a row for each action: bars over the returns from the lowest to the highest that were
    predicted so far, and a white line at the mean. The row of the highest mean is coloured.

    Parameters
    ----------
    envs
        The environments, whose first one is drawn.
    """

    def __init__(self, envs: Any) -> None:
        self._envs = envs
        self._low, self._high = np.inf, -np.inf
        self._histograms: NDArray[np.float64] = np.zeros((0, _BINS))
        self._means: NDArray[np.float64] = np.zeros(0)

    def show(self, returns: NDArray[np.float32], probabilities: NDArray[np.float32]) -> None:
        """Set what the next pictures show: returns (A, K) and their probabilities (A, K)."""
        likely = returns[probabilities > 1e-3]
        self._low = min(self._low, float(likely.min(initial=np.inf)))
        self._high = max(self._high, float(likely.max(initial=-np.inf)))
        bounds = (self._low, max(self._high, self._low + 1e-6))
        self._means = (returns * probabilities).sum(axis=1)
        self._histograms = np.array(
            [
                np.histogram(row, _BINS, bounds, weights=weights)[0]
                for row, weights in zip(returns, probabilities, strict=True)
            ]
        )

    def render(self) -> tuple[NDArray[np.uint8], ...]:
        """Return the first environment's picture with the distributions beside it."""
        image = self._envs.render()[0]
        return (np.hstack([image, self._panel(len(image))]),)

    def _panel(self, height: int) -> NDArray[np.uint8]:
        panel = np.full((height, _WIDTH, 3), _BACKGROUND, np.uint8)
        if not len(self._means):
            return panel
        best, row_height = int(self._means.argmax()), height // len(self._means)
        span = max(self._high - self._low, 1e-6)
        for action, (histogram, mean) in enumerate(zip(self._histograms, self._means, strict=True)):
            bottom = (action + 1) * row_height - 1
            tall = histogram / max(histogram.max(), 1e-9) * (row_height - 3)
            heights = np.repeat(tall, _WIDTH // _BINS).astype(int)
            color = _CHOSEN if action == best else _BARS
            for column, bar in enumerate(heights):
                panel[bottom - bar : bottom, column] = color
            position = int(np.clip((mean - self._low) / span, 0, 1) * (_WIDTH - 1))
            panel[bottom - row_height + 3 : bottom, position] = _MEAN
        return panel
