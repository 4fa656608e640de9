"""framering.AtariPreprocessing compared with Gymnasium's, in whole steps with the emulation.

pytest benchmarks/test_bench_frame_wrapper.py --benchmark-only
"""

import itertools

import ale_py
import gymnasium
import numpy as np
import pytest

import framering

# For framering bench: how long it takes with which arguments.
BENCH = {"seconds": 15, "arguments": []}

gymnasium.register_envs(ale_py)
STEPS = 100


def steps(wrapper, env_id):
    """Return a function that takes STEPS random steps, the same ones for every wrapper."""
    env = gymnasium.make(env_id)
    env = wrapper(env, noop_max=0)
    env.reset(seed=1)
    actions = itertools.cycle(np.random.default_rng(1).integers(env.action_space.n, size=10_000))

    def run():
        for action in itertools.islice(actions, STEPS):
            *_, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return run


def emulation(env_id):
    """The emulator alone with the same actions, a lower bound for every wrapper."""
    env = gymnasium.make(env_id).unwrapped
    env.reset(seed=1)
    ale, actions = env.ale, env._action_set
    choices = itertools.cycle(np.random.default_rng(1).integers(len(actions), size=10_000))

    def run():
        for choice in itertools.islice(choices, STEPS):
            for _ in range(4):
                ale.act(actions[choice])
            if ale.game_over():
                ale.reset_game()

    return run


@pytest.mark.parametrize("who", ["gymnasium", "framering", "emulation alone"])
@pytest.mark.parametrize(
    "env_id",
    [
        pytest.param(name, marks=pytest.mark.benchmark(group=f"{STEPS} steps of {name}"))
        for name in ("BreakoutNoFrameskip-v4", "SeaquestNoFrameskip-v4")
    ],
)
def test_time_of_random_steps(benchmark, env_id, who):
    wrappers = {
        "gymnasium": gymnasium.wrappers.AtariPreprocessing,
        "framering": framering.AtariPreprocessing,
    }
    run = steps(wrappers[who], env_id) if who in wrappers else emulation(env_id)
    benchmark.pedantic(run, rounds=10, warmup_rounds=1)
