"""ReplayBuffer beside SB3's, whose code CleanRL's is, in CleanRL's own loop."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.common.buffers import ReplayBuffer as Reference

from framering import ReplayBuffer


class Countdown(gym.Env):
    """Frames that count steps; terminates or is truncated after random times."""

    observation_space = spaces.Box(0, 255, (12, 10), np.uint8)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 30))
        return self.frame(), {}

    def step(self, action):
        self.left -= 1
        ends = self.left == 0
        terminated = ends and bool(self.np_random.integers(2))
        reward = float(self.np_random.normal())
        return self.frame(), reward, terminated, ends and not terminated, {}

    def frame(self):
        return self.np_random.integers(0, 256, (12, 10), np.uint8)


class Recording:
    """Adds to both buffers, and remembers in which slot each transition arrived."""

    def __init__(self, ours, reference):
        self.ours, self.reference = ours, reference
        self.arrivals, self.truncated = [], []

    def add(self, obs, next_obs, action, reward, done, infos, truncated):
        self.ours.add(obs, next_obs, action, reward, done, infos)
        self.reference.add(obs, next_obs, action, reward, done, infos)
        self.arrivals.append(self.ours.ring.published().astype(np.int64) - 1)
        self.truncated.append(truncated)

    def compare(self, last, lane, skip_truncated):
        """Compare an environment's newest `last` transitions, but for the very newest."""
        total = len(self.arrivals)
        steps = [
            step
            for step in range(total - last, total - 1)
            if not (skip_truncated and self.truncated[step][lane])
        ]
        places = np.array([[lane, self.arrivals[step][lane]] for step in steps])
        ours = self.ours._sampler.fetch(places, False)
        reference = self.reference
        indices = np.array(steps) % reference.buffer_size
        reference.n_envs, n_envs = 1, reference.n_envs  # then it draws environment 0
        saved = {
            name: getattr(reference, name)
            for name in (
                "observations",
                "next_observations",
                "actions",
                "rewards",
                "dones",
                "timeouts",
            )
            if hasattr(reference, name)
        }
        for name, array in saved.items():
            setattr(reference, name, array[:, lane : lane + 1])
        theirs = reference._get_samples(indices)
        for name, array in saved.items():
            setattr(reference, name, array)
        reference.n_envs = n_envs
        order = ("observations", "actions", "next_observations", "dones", "rewards")
        for mine, name in zip(ours, order, strict=False):
            expected = getattr(theirs, name).numpy()
            if name == "rewards" and isinstance(reference, NStepReplayBuffer):
                # Summed in float64 here, in float32 there.
                np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(mine, expected, err_msg=name)
            assert mine.dtype == expected.dtype
        if theirs.discounts is not None:
            np.testing.assert_allclose(ours[5], theirs.discounts.numpy(), rtol=1e-6)


def run_cleanrls_loop(recording, n_envs, steps):
    envs = gym.vector.SyncVectorEnv(
        [lambda: gym.wrappers.FrameStackObservation(Countdown(), 4) for _ in range(n_envs)],
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    obs, _ = envs.reset(seed=1)
    for _ in range(steps):
        actions = envs.action_space.sample()
        next_obs, rewards, terminations, truncations, infos = envs.step(actions)
        real_next_obs = next_obs.copy()
        for idx, trunc in enumerate(truncations):
            if trunc:
                real_next_obs[idx] = infos["final_obs"][idx]
        dones = terminations | truncations
        timeouts = [{"TimeLimit.truncated": bool(flag)} for flag in truncations]
        recording.add(obs, real_next_obs, actions, rewards, dones, timeouts, truncations)
        obs = next_obs
    envs.close()


def both(n_envs, options, reference_class=Reference, **reference_options):
    stacks = spaces.Box(0, 255, (4, 12, 10), np.uint8)
    capacity = 100 * n_envs
    arguments = (capacity, stacks, spaces.Discrete(4), "cpu", n_envs)
    return Recording(
        ReplayBuffer(*arguments, **options), reference_class(*arguments, **reference_options)
    )


@pytest.mark.parametrize("n_envs", [1, 2])
def test_batches_equal_the_references(n_envs):
    recording = both(n_envs, {}, optimize_memory_usage=False)
    run_cleanrls_loop(recording, n_envs, 450)
    for lane in range(n_envs):
        recording.compare(100, lane, skip_truncated=False)


@pytest.mark.parametrize("n_envs", [1, 2])
def test_batches_equal_the_memory_saving_references_but_where_it_is_wrong(n_envs):
    options = {"optimize_memory_usage": True, "handle_timeout_termination": False}
    recording = both(n_envs, options, **options)
    run_cleanrls_loop(recording, n_envs, 450)
    for lane in range(n_envs):
        recording.compare(99, lane, skip_truncated=True)


@pytest.mark.parametrize("n_steps", [2, 5])
def test_n_step_batches_equal_the_references(n_steps):
    recording = both(
        2,
        {"n_step": n_steps, "gamma": 0.9},
        NStepReplayBuffer,
        n_steps=n_steps,
        gamma=0.9,
    )
    run_cleanrls_loop(recording, 2, 450)
    for lane in range(2):
        recording.compare(100, lane, skip_truncated=False)
