"""TensorDictReplayBuffer with the environments and losses of TorchRL."""

import warnings

import numpy as np
import pytest
import torch
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, ReplayBuffer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torchrl's own imports warn
    from tensordict import TensorDict
    from tensordict.nn import TensorDictModule
    from torchrl.data import LazyTensorStorage
    from torchrl.data import TensorDictReplayBuffer as TorchRLReplayBuffer
    from torchrl.envs import GymEnv, SerialEnv
    from torchrl.modules import QValueActor
    from torchrl.objectives import DQNLoss

    from framering.integrations.torchrl import TensorDictReplayBuffer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

CARTPOLE = spaces.Box(-np.inf, np.inf, (4,), np.float32)


def cartpole():
    return GymEnv("CartPole-v1", categorical_action_encoding=True)


def buffer_of(kind=ReplayBuffer, n_envs=1, **options):
    inner = kind(1000, CARTPOLE, spaces.Discrete(2), device="cpu", n_envs=n_envs, **options)
    return TensorDictReplayBuffer(inner, 32)


def test_a_sample_has_the_steps_of_the_rollout():
    buffer = buffer_of(seed=1)
    rollout = cartpole().rollout(40, break_when_any_done=False)
    buffer.extend(rollout)
    assert len(buffer) == 40
    batch = buffer.sample()
    for row in batch:
        (matches,) = torch.nonzero(
            (rollout["observation"] == row["observation"]).all(dim=1), as_tuple=True
        )
        expected = rollout[int(matches[0])]
        for key in ("action", ("next", "observation"), ("next", "reward"), ("next", "terminated")):
            assert torch.equal(row[key], expected[key]), key


def test_several_environments_have_lanes_of_their_own():
    buffer = buffer_of(n_envs=2)
    buffer.extend(SerialEnv(2, cartpole).rollout(15, break_when_any_done=False))
    assert buffer.buffer.size() == 15
    assert len(buffer) == 30


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_dqn_loss_trains_on_a_sample(kind):
    buffer = buffer_of(kind, n_step=3, gamma=0.99)
    buffer.extend(cartpole().rollout(60, break_when_any_done=False))
    network = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2))
    actor = QValueActor(
        TensorDictModule(network, in_keys=["observation"], out_keys=["action_value"]),
        action_space="categorical",
        in_keys=["observation"],
    )
    loss = DQNLoss(actor, action_space="categorical")
    loss.make_value_estimator(gamma=0.99)
    batch = buffer.sample()
    loss(batch)["loss"].backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())
    if kind is PrioritizedReplayBuffer:
        buffer.update_tensordict_priority(batch)
    else:
        with pytest.raises(TypeError, match="expected a PrioritizedReplayBuffer"):
            buffer.update_tensordict_priority(batch)


@pytest.mark.parametrize("handled", [True, False])
def test_a_truncated_step_is_not_terminated(handled):
    buffer = buffer_of(handle_timeout_termination=handled)
    flags = torch.tensor([[False], [True], [True]])
    step = {"observation": torch.zeros(3, 4), "action": torch.tensor([0, 1, 1])}
    after = {
        "observation": torch.zeros(3, 4),
        "reward": torch.tensor([[0.0], [1.0], [2.0]]),
        "truncated": flags,
        "terminated": torch.tensor([[False], [False], [True]]),
    }
    buffer.extend(TensorDict({**step, "next": after}, batch_size=[3]))
    batch = buffer.sample(100)["next"]
    assert torch.equal(batch["terminated"], batch["reward"] == 2)
    assert len(batch["reward"].unique()) == 3


def test_n_step_samples_have_their_number_of_steps():
    buffer = buffer_of(n_step=3, gamma=0.9)
    buffer.extend(cartpole().rollout(30, break_when_any_done=False))
    steps = buffer.sample(200)["steps_to_next_obs"]
    assert set(steps.flatten().tolist()) <= {1, 2, 3}
    assert 3 in steps


def test_bad_arguments_are_refused():
    buffer = buffer_of(n_envs=2)
    with pytest.raises(ValueError, match=r"expected the batch shape \(2, T\), got \(5,\)"):
        buffer.extend(TensorDict({}, batch_size=[5]))
    with pytest.raises(ValueError, match="batch_size"):
        TensorDictReplayBuffer(buffer.buffer).sample()
    with pytest.raises(ValueError, match="no transition"):
        buffer.sample()
    with pytest.raises(ValueError, match="whose samples are tensors"):
        TensorDictReplayBuffer(ReplayBuffer(9, CARTPOLE, spaces.Discrete(2), device="numpy"))


def rows_of(samples):
    """Return the distinct rows of samples, in an order of their own."""
    fields = [samples["observation"], samples["next", "observation"], samples["next", "reward"]]
    actions = samples["action"].reshape(len(samples), -1).float()
    table = torch.cat([*fields, actions, samples["next", "terminated"].float()], dim=1)
    return np.unique(table.numpy(), axis=0)


def pair():
    """Return our buffer and TorchRL's own."""
    return buffer_of(), TorchRLReplayBuffer(storage=LazyTensorStorage(1000), batch_size=32)


def test_add_stores_the_step_that_torchrls_buffer_stores():
    rollout = cartpole().rollout(30, break_when_any_done=False)
    ours, theirs = pair()
    for step in rollout:
        ours.add(step)
        theirs.add(step)
    assert len(ours) == len(theirs) == 30
    np.testing.assert_array_equal(rows_of(ours.sample(2000)), rows_of(theirs.sample(2000)))


def test_add_takes_one_step_of_each_environment():
    rollout = SerialEnv(2, cartpole).rollout(10, break_when_any_done=False)
    buffer = buffer_of(n_envs=2)
    for step in rollout.unbind(1):
        buffer.add(step)
    assert buffer.buffer.size() == 10
    with pytest.raises(ValueError, match=r"data: expected the batch shape \(2,\), got \(2, 10\)"):
        buffer.add(rollout)
    with pytest.raises(ValueError, match=r"data: expected the batch shape \(\), got \(5,\)"):
        buffer_of().add(cartpole().rollout(5, break_when_any_done=False))
    assert buffer.buffer.size() == 10


def test_an_emptied_buffer_is_filled_anew():
    buffers = pair()
    for buffer in buffers:
        buffer.extend(cartpole().rollout(30, break_when_any_done=False))
        buffer.empty()
        assert len(buffer) == 0
    rollout = cartpole().rollout(7, break_when_any_done=False)
    for buffer in buffers:
        buffer.extend(rollout)
        assert len(buffer) == 7
    ours, theirs = (rows_of(buffer.sample(1000)) for buffer in buffers)
    np.testing.assert_array_equal(ours, theirs)


def test_a_state_dict_restores_the_transitions(tmp_path):
    rollout = cartpole().rollout(30, break_when_any_done=False)
    for buffer, other in zip(pair(), pair(), strict=True):
        buffer.extend(rollout)
        torch.save(buffer.state_dict(), tmp_path / "buffer.pt")
        other.load_state_dict(torch.load(tmp_path / "buffer.pt"))
        assert len(other) == 30
        np.testing.assert_array_equal(rows_of(other.sample(2000)), rows_of(buffer.sample(2000)))


def test_a_state_dict_restores_the_priorities():
    buffer, other = (buffer_of(PrioritizedReplayBuffer, seed=1) for _ in range(2))
    buffer.extend(cartpole().rollout(30, break_when_any_done=False))
    batch = buffer.sample()
    batch["td_error"] = torch.linspace(0, 9, 32)
    buffer.update_tensordict_priority(batch)
    other.load_state_dict(buffer.state_dict())
    expected = buffer.sample()
    assert len(expected["_weight"].unique()) > 3
    assert (other.sample() == expected).all()


def test_one_hot_actions_are_refused_with_a_hint():
    buffer = buffer_of()
    rollout = GymEnv("CartPole-v1").rollout(5)
    for data, put in ((rollout, buffer.extend), (rollout[0], buffer.add)):
        with pytest.raises(ValueError, match=r"action: .* one-hot: .*categorical_action_encoding"):
            put(data)
    assert len(buffer) == 0


def test_one_hot_actions_are_kept_in_a_multi_binary_space():
    """This is what the error for one-hot actions offers."""
    buffer = TensorDictReplayBuffer(ReplayBuffer(100, CARTPOLE, spaces.MultiBinary(2), "cpu"), 32)
    buffer.extend(GymEnv("CartPole-v1").rollout(40, break_when_any_done=False))
    network = torch.nn.Linear(4, 2)
    actor = QValueActor(
        TensorDictModule(network, in_keys=["observation"], out_keys=["action_value"]),
        action_space="one_hot",
        in_keys=["observation"],
    )
    batch = buffer.sample()
    assert (batch["action"].sum(dim=1) == 1).all()
    DQNLoss(actor, action_space="one_hot")(batch)["loss"].backward()
    assert network.weight.grad.abs().sum() > 0
