"""ReplayBuffer's interface, as SB3 and CleanRL use it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import ReplayBuffer

STACKS = spaces.Box(0, 255, (4, 6, 5), np.uint8)
DISCRETE = spaces.Discrete(6)


def small_buffer(buffer_size: int = 50, **options) -> ReplayBuffer:
    return ReplayBuffer(buffer_size, STACKS, DISCRETE, **{"device": "cpu", **options})


def stack(*values: int, n_envs: int = 1) -> np.ndarray:
    frames = np.array(values, np.uint8)[None, :, None, None]
    return np.ascontiguousarray(np.broadcast_to(frames, (n_envs, *STACKS.shape)))


def add_steps(buffer: ReplayBuffer, number: int, first: int = 0) -> None:
    """One episode of frames first, first + 1, …; step i has reward i and action i % 6."""
    n = buffer.n_envs
    frames = [first] * 4
    for step in range(first, first + number):
        obs, frames = frames, [*frames[1:], (step + 1) % 256]
        buffer.add(
            stack(*obs, n_envs=n),
            stack(*frames, n_envs=n),
            np.full(n, step % 6),
            np.full(n, float(step)),
            np.full(n, False),
            [{}] * n,
        )


def test_sample_has_cleanrls_fields_shapes_and_dtypes():
    buffer = small_buffer()
    add_steps(buffer, 20)
    batch = buffer.sample(8)
    assert batch._fields[:5] == ("observations", "actions", "next_observations", "dones", "rewards")
    assert batch.observations.shape == batch.next_observations.shape == (8, 4, 6, 5)
    assert batch.observations.dtype == batch.next_observations.dtype == torch.uint8
    assert batch.actions.shape == batch.dones.shape == batch.rewards.shape == (8, 1)
    assert batch.actions.dtype == torch.int64
    assert batch.dones.dtype == batch.rewards.dtype == torch.float32
    assert batch.discounts is None


def test_a_row_has_the_parts_of_one_transition():
    buffer = small_buffer()
    add_steps(buffer, 40)
    batch = buffer.sample(64)
    newest = batch.next_observations[:, 3, 0, 0].float()
    torch.testing.assert_close(newest, batch.rewards[:, 0] + 1)
    torch.testing.assert_close(batch.actions[:, 0], batch.rewards[:, 0].long() % 6)
    torch.testing.assert_close(batch.observations[:, 1:], batch.next_observations[:, :-1])


def test_stacks_share_one_block_and_contiguous_ones_do_not():
    buffer = small_buffer()
    add_steps(buffer, 20)
    batch = buffer.sample(8)
    frame_bytes = 6 * 5
    assert batch.next_observations.data_ptr() - batch.observations.data_ptr() == frame_bytes
    batch = buffer.sample(8, contiguous=True)
    assert batch.observations.is_contiguous()
    assert batch.next_observations.is_contiguous()


def test_np_random_seed_makes_sampling_repeatable():
    buffer = small_buffer()
    add_steps(buffer, 40)
    np.random.seed(7)
    first, second = buffer.sample(20).rewards, buffer.sample(20).rewards
    np.random.seed(7)
    assert torch.equal(first, buffer.sample(20).rewards)
    assert not torch.equal(first, second)


def test_a_seeded_buffer_ignores_numpys_generator_and_can_be_resumed():
    samples = []
    for numpy_seed in (1, 2):
        buffer = small_buffer(seed=11)
        add_steps(buffer, 40)
        np.random.seed(numpy_seed)
        samples.append(buffer.sample(20).rewards)
    assert torch.equal(*samples)
    state = buffer.generator_state
    expected = buffer.sample(20).rewards
    buffer.generator_state = state
    assert torch.equal(expected, buffer.sample(20).rewards)


def test_sampling_leaves_torchs_generator_alone():
    buffer = small_buffer()
    add_steps(buffer, 10)
    state = torch.get_rng_state()
    buffer.sample(4)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("n_envs", [2, 3])
def test_pos_full_size_and_reset_are_sb3s(n_envs):
    buffer = small_buffer(31 * n_envs - 1, n_envs=n_envs)
    assert buffer.buffer_size == 30
    assert (buffer.pos, buffer.full, buffer.size()) == (0, False, 0)
    add_steps(buffer, 20)
    assert (buffer.pos, buffer.full, buffer.size()) == (20, False, 20)
    add_steps(buffer, 15)
    assert (buffer.pos, buffer.full, buffer.size()) == (5, True, 30)
    assert len(buffer) == 30 * n_envs
    buffer.reset()
    assert (buffer.pos, buffer.full, buffer.size()) == (0, False, 0)
    add_steps(buffer, 3, first=100)
    assert set(buffer.sample(50).rewards.flatten().tolist()) == {100.0, 101.0, 102.0}


def test_a_buffer_of_one_transition_keeps_the_newest():
    buffer = ReplayBuffer(1, STACKS, DISCRETE, device="cpu", n_envs=4)
    add_steps(buffer, 9)
    assert buffer.buffer_size == 1
    assert set(buffer.sample(20).rewards.flatten().tolist()) == {8.0}


def test_full_capacity_with_episodes_of_16_steps():
    buffer = small_buffer(100)
    for episode in range(40):
        add_steps(buffer, 16, first=episode * 20 % 200)
        assert buffer.size() == min(16 * (episode + 1), 100)


def test_every_transition_is_drawn_equally_often():
    buffer = small_buffer(40, n_envs=2, seed=3)
    for first in (0, 50, 100, 150):
        add_steps(buffer, 7, first)
    draws = 20_000
    rewards = buffer.sample(draws).rewards.numpy()
    _, counts = np.unique(rewards, return_counts=True)
    assert len(counts) == 20
    # Chi-squared with 19 degrees of freedom: beyond 43.8 once in a thousand, but the seed is fixed.
    assert ((counts - draws / 20) ** 2 / (draws / 20)).sum() < 43.8


def test_lanes_of_unequal_length_are_drawn_by_their_transitions():
    buffer = small_buffer(200, n_envs=2, seed=3)
    for lane, steps in ((0, 30), (1, 10)):
        writer = buffer.ring.writer(lane)
        writer.begin_segment(np.zeros((6, 5), np.uint8))
        for _ in range(steps):
            writer.append(np.zeros((6, 5), np.uint8), lane, 0.0, False, False)
    actions = buffer.sample(8000).actions
    assert 0.23 < actions.float().mean() < 0.27
    assert (buffer.size(), len(buffer)) == (10, 40)


@pytest.mark.parametrize("optimize_memory_usage", [False, True])
def test_timeouts_are_not_done(optimize_memory_usage):
    buffer = small_buffer(n_envs=2, optimize_memory_usage=optimize_memory_usage)
    obs, action, reward = stack(1, 1, 1, 1, n_envs=2), np.array([0, 1]), np.zeros(2)
    done = np.array([True, True])
    infos = [{"TimeLimit.truncated": True}, {"TimeLimit.truncated": False}]
    buffer.add(obs, obs, action, reward, done, infos)
    batch = buffer.sample(50)
    assert torch.equal(batch.dones, batch.actions.float())


def test_timeouts_are_done_if_they_are_not_handled():
    buffer = small_buffer(handle_timeout_termination=False)
    obs = stack(1, 1, 1, 1)
    buffer.add(obs, obs, [0], [0.0], [True], [{"TimeLimit.truncated": True}])
    assert buffer.sample(1).dones.item() == 1


@pytest.mark.parametrize(
    "infos",
    [
        [{"TimeLimit.truncated": True}, {}],
        ({"TimeLimit.truncated": True}, {}),
        {"TimeLimit.truncated": np.array([True, False])},
        {
            "TimeLimit.truncated": np.array([True, True]),
            "_TimeLimit.truncated": np.array([True, False]),
        },
        {"final_info": np.array([{"TimeLimit.truncated": True}, None], dtype=object)},
        {"final_info": {"TimeLimit.truncated": np.array([True, False])}},
    ],
)
def test_infos_may_be_a_list_or_gymnasiums_dict_of_arrays(infos):
    buffer = small_buffer(n_envs=2)
    obs = stack(1, 1, 1, 1, n_envs=2)
    buffer.add(obs, obs, np.array([0, 1]), np.zeros(2), np.array([True, True]), infos)
    batch = buffer.sample(50)
    assert torch.equal(batch.dones, batch.actions.float())


def test_a_truncated_transition_keeps_its_true_next_obs():
    buffer = small_buffer()
    infos = [{"TimeLimit.truncated": True}]
    buffer.add(stack(1, 2, 3, 4), stack(2, 3, 4, 5), [0], [1.0], [True], infos)
    buffer.add(stack(9, 9, 9, 9), stack(9, 9, 9, 8), [0], [0.0], [False], [{}])
    batch = buffer.sample(30)
    truncated = batch.next_observations[batch.rewards[:, 0] == 1]
    assert torch.equal(truncated[0], torch.from_numpy(stack(2, 3, 4, 5)[0]))


def test_extend_adds_each_step():
    buffer = small_buffer()
    obs = [stack(i, i, i, i) for i in range(3)]
    buffer.extend(
        obs, obs, [np.array([0])] * 3, [np.zeros(1)] * 3, [np.array([False])] * 3, [[{}]] * 3
    )
    assert buffer.size() == 3


def test_a_frozen_window_does_not_see_later_transitions():
    buffer = small_buffer(50, seed=1)
    add_steps(buffer, 20)
    window = buffer.window(guard=12)
    state = buffer.generator_state
    expected = buffer.sample(32, window=window).rewards
    add_steps(buffer, 10, first=100)
    buffer.generator_state = state
    assert torch.equal(expected, buffer.sample(32, window=window).rewards)
    assert len(window) == 20


def test_sampling_from_an_overwritten_window_is_an_error():
    buffer = small_buffer(50)
    add_steps(buffer, 50)
    window = buffer.window(guard=2)
    add_steps(buffer, 60, first=100)
    with pytest.raises(RuntimeError, match="with a larger guard"):
        buffer.sample(32, window=window)


def test_another_buffers_window_is_refused():
    first, second = small_buffer(), small_buffer()
    add_steps(first, 5)
    with pytest.raises(ValueError, match="another buffer's"):
        first.sample(4, window=second.window())


def test_sampling_an_empty_buffer_is_an_error():
    with pytest.raises(ValueError, match="no transition to sample: add some first"):
        small_buffer().sample(4)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_one_is_an_error(batch_size):
    with pytest.raises(ValueError, match=f"expected an integer from 1 to .*, got {batch_size}"):
        small_buffer().sample(batch_size)


def test_vec_normalize_is_applied_at_sampling():
    class Normalize:
        def normalize_obs(self, obs):
            return obs.astype(np.float32) / 255

        def normalize_reward(self, reward):
            return reward / 2

    buffer = small_buffer()
    add_steps(buffer, 20)
    np.random.seed(5)
    plain = buffer.sample(16)
    np.random.seed(5)
    normalized = buffer.sample(16, env=Normalize())
    torch.testing.assert_close(normalized.observations, plain.observations / 255)
    torch.testing.assert_close(normalized.next_observations, plain.next_observations / 255)
    torch.testing.assert_close(normalized.rewards, plain.rewards / 2)


def test_a_child_process_writes_into_a_shared_buffer():
    buffer = small_buffer(shared=True)
    code = (
        "import sys, numpy as np\n"
        "from framering._core import Ring\n"
        "writer = Ring.attach(int(sys.argv[1])).writer(0)\n"
        "writer.begin_segment(np.zeros((6, 5), np.uint8))\n"
        "writer.append(np.ones((6, 5), np.uint8), 3, 2.5, True, False)\n"
    )
    fd = buffer.ring.fd
    subprocess.run([sys.executable, "-c", code, str(fd)], pass_fds=[fd], check=True, timeout=120)
    batch = buffer.sample(1)
    assert batch.actions.item() == 3
    assert batch.rewards.item() == 2.5
    assert batch.dones.item() == 1
    assert batch.next_observations[0, :, 0, 0].tolist() == [0, 0, 0, 1]
    assert buffer.pos == 1


def test_importing_the_buffer_imports_neither_torch_nor_the_emulator():
    code = (
        "import sys, framering.replay.buffer\n"
        "assert not {'torch', 'ale_py', 'cv2', 'framering.atari.emulator'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
