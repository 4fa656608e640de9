"""Draws the curve of a run's training beside a game that its model plays: the README's picture.

    python benchmarks/curve_and_game.py runs/NAME --out benchmarks/results/first_run.png

The run must have saved its model (--save-model, which the preset quick does).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from framering.dqn.weights import load_network
from framering.reporting.plot import moving_average, read_curve
from framering.training.evaluate import evaluate
from framering.training.run_settings import find_model, read_settings
from framering.training.task import make_task_spec

TAG = "charts/episodic_return"


class Screens:
    """The screens of a game, one a step."""

    def __init__(self) -> None:
        self.screens: list[Any] = []

    def capture(self, envs: Any, infos: dict[str, Any]) -> None:
        self.screens.append(envs.render()[0])

    def close(self) -> None:
        """Keep the screens."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--window", type=int, default=20, help="games of a mean")
    parser.add_argument("--out", type=Path, required=True, help="the PNG file")
    arguments = parser.parse_args()

    settings = read_settings(arguments.run)
    task = make_task_spec(settings.env_id, settings.screen_size)
    model = find_model(arguments.run, settings)
    network = load_network(model, task.observation_space.shape, int(task.action_space.n))
    game = Screens()
    (score,) = evaluate(network, task, episodes=1, viewer=game)
    steps, returns = read_curve(arguments.run, TAG)

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(5, 3))
    left.plot(steps, returns, ".", markersize=3, alpha=0.4, label="a game of training")
    left.plot(steps, moving_average(returns, arguments.window), label=f"mean of {arguments.window}")
    left.set_xlabel("environment steps")
    left.set_ylabel("return")
    left.set_title(settings.env_id, size=10)
    left.grid(alpha=0.3)
    left.legend(fontsize="small", loc="upper left")
    screen = np.asarray(game.screens[len(game.screens) * 2 // 3])
    height, width = screen.shape[:2]
    # The console's pixels are wider than high: its screen is four by three.
    right.imshow(screen, aspect=3 / 4 * width / height)
    right.set_axis_off()
    right.set_title(f"its model plays: {score:g}", size=10)
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
