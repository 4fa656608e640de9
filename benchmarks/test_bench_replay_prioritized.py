"""Prioritized replay compared with cpprb, tianshou and torchrl: sample(32), then set 32 priorities.

    pytest benchmarks/test_bench_replay_prioritized.py --benchmark-only

Each buffer holds stacks of 4×84×84 in its own most compact way. Uniform sampling of framering's
buffer stands beside it, as what priorities are added to.
"""

import itertools

import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer
from recorded_games import breakout

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 60, "arguments": []}

STACKS = spaces.Box(0, 255, (4, 84, 84), np.uint8)
ACTIONS = spaces.Discrete(6)
BATCH = 32


def stacks():
    """Yield the stacks of one endless episode and the stacks that follow them.

    The frames are of a random play of Breakout, across its ends.
    """
    frames = breakout().frames
    frames = np.concatenate([frames, frames[:4]])
    for start in itertools.cycle(range(len(frames) - 4)):
        yield frames[start : start + 4], frames[start + 1 : start + 5]


def fill(add, capacity):
    for obs, next_obs in itertools.islice(stacks(), capacity):
        add(obs, next_obs)


class Framering:
    def __init__(self, capacity, kind=PrioritizedReplayBuffer):
        self.buffer = kind(capacity, STACKS, ACTIONS, device="cpu")
        action, reward, done = np.array([3]), np.array([1.0]), np.array([False])
        fill(lambda o, n: self.buffer.add(o[None], n[None], action, reward, done, [{}]), capacity)

    def step(self, priorities):
        batch = self.buffer.sample(BATCH)
        self.buffer.update_priorities(batch.indices, priorities)


class FrameringUniform(Framering):
    def __init__(self, capacity):
        super().__init__(capacity, ReplayBuffer)

    def step(self, priorities):
        self.buffer.sample(BATCH)


class Cpprb:
    def __init__(self, capacity):
        import cpprb

        fields = {
            "obs": {"shape": (84, 84, 4), "dtype": np.uint8},
            "act": {"dtype": np.int64},
            "rew": {},
            "done": {},
        }
        self.buffer = cpprb.PrioritizedReplayBuffer(
            capacity, fields, next_of="obs", stack_compress="obs"
        )

        def add(obs, next_obs):
            # cpprb compresses stacks along the last axis, so that it stores each frame once, too.
            obs, next_obs = (np.moveaxis(stack, 0, -1) for stack in (obs, next_obs))
            self.buffer.add(obs=obs, act=3, rew=1.0, next_obs=next_obs, done=0.0)

        fill(add, capacity)

    def step(self, priorities):
        batch = self.buffer.sample(BATCH)
        self.buffer.update_priorities(batch["indexes"], priorities)


class Tianshou:
    def __init__(self, capacity):
        from tianshou.data import Batch
        from tianshou.data import PrioritizedReplayBuffer as Buffer

        self.buffer = Buffer(
            size=capacity,
            alpha=0.6,
            beta=0.4,
            stack_num=4,
            ignore_obs_next=True,
            save_only_last_obs=True,
        )
        step = {"act": 3, "rew": 1.0, "terminated": False, "truncated": False, "info": {}}
        fill(lambda o, n: self.buffer.add(Batch(obs=o, obs_next=n, **step)), capacity)

    def step(self, priorities):
        _, indices = self.buffer.sample(BATCH)
        self.buffer.update_weight(indices, priorities)


class Torchrl:
    def __init__(self, capacity):
        import torch
        from tensordict import TensorDict
        from torchrl.data import LazyTensorStorage, TensorDictPrioritizedReplayBuffer

        try:
            self.buffer = TensorDictPrioritizedReplayBuffer(
                alpha=0.6, beta=0.4, storage=LazyTensorStorage(capacity), batch_size=BATCH
            )
        except RuntimeError as error:
            pytest.skip(f"torchrl's compiled trees do not load beside this torch: {error}")
        rows = []
        for obs, next_obs in itertools.islice(stacks(), capacity):
            after = {"obs": torch.from_numpy(next_obs), "reward": torch.ones(1)}
            row = {"obs": torch.from_numpy(obs), "action": torch.tensor(3), "next": after}
            rows.append(TensorDict(row))
            if len(rows) == 500:
                self.buffer.extend(torch.stack(rows))
                rows.clear()

    def step(self, priorities):
        batch = self.buffer.sample()
        batch["td_error"] = priorities
        self.buffer.update_tensordict_priority(batch)


# TorchRL stores both stacks whole, 56 KB per transition.
CAPACITIES = {
    FrameringUniform: 100_000,
    Framering: 100_000,
    Cpprb: 100_000,
    Tianshou: 100_000,
    Torchrl: 50_000,
}


@pytest.mark.benchmark(group="prioritized: sample(32) and update")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", CAPACITIES, ids=lambda library: library.__name__)
def test_time_to_sample_and_update_priorities(benchmark, library):
    buffer = library(CAPACITIES[library])
    priorities = np.random.default_rng(1).random(BATCH)
    if library is Torchrl:
        import torch

        priorities = torch.from_numpy(priorities).float()  # the dtype of TD errors
    benchmark.pedantic(buffer.step, args=(priorities,), rounds=300, warmup_rounds=10)
