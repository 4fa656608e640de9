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
