"""The time of a step of one game, by part, as a worker process takes it."""

import dataclasses
from contextlib import closing

import numpy as np

from framering.config import TrainConfig
from framering.training.components import make_replay
from framering.training.environments import make_training_environments
from framering.training.profiling.parts import EMULATE, METHODS, PREPROCESS, WRITE
from framering.training.profiling.stopwatch import Stopwatch
from framering.training.task import task_of

_STEPS = 500


def worker_step(config: TrainConfig) -> dict[str, float]:
    """Measure the seconds of each part of a step, of one game with random actions, in this process.

    A worker executes the same code. It is not timed itself, so that a worker costs nothing more.
    """
    alone = dataclasses.replace(config, num_envs=1, num_workers=0, buffer_size=_STEPS)
    task = task_of(alone)
    actions = np.random.default_rng(alone.seed).integers(task.num_actions, size=(_STEPS, 1))
    watch = Stopwatch()
    envs = make_training_environments(alone, task, make_replay(alone, task))
    with closing(envs):
        envs.reset(seed=alone.seed)
        with watch.watching(METHODS):
            for action in actions:
                envs.step(action)
    totals = watch.lap()
    return {part: totals[part].seconds / _STEPS for part in (EMULATE, PREPROCESS, WRITE)}
