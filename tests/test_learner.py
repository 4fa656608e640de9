from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from framering.learner import Learner, greedy_actions

Batch = namedtuple("Batch", "observations actions next_observations dones rewards")


class Table(nn.Module):
    """Action values of a handful of states: small enough to compute by hand."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, states):
        return self.values[states]


def learner(values, target, gamma=0.5):
    made = Learner(Table(values), learning_rate=0.1, gamma=gamma, device=torch.device("cpu"))
    made.target_network = Table(target)
    return made


def batch(states, actions, next_states, rewards, dones):
    return Batch(
        torch.tensor(states),
        torch.tensor(actions)[:, None],
        torch.tensor(next_states),
        torch.tensor(dones)[:, None],
        torch.tensor(rewards)[:, None],
    )


def test_loss_is_the_mean_squared_error_to_the_bootstrapped_target():
    # Targets: 1 + 0.5 · max(4, 6) = 4, and 2 alone, because the episode terminated.
    q = learner([[1.0, 2.0], [3.0, 5.0]], [[4.0, 6.0], [8.0, 9.0]])

    loss, q_value = q.update(batch([0, 1], [1, 0], [0, 1], [1.0, 2.0], [0.0, 1.0]))

    assert loss.item() == pytest.approx(((2 - 4) ** 2 + (3 - 2) ** 2) / 2)
    assert q_value.item() == pytest.approx((2 + 3) / 2)


def test_a_step_moves_the_values_of_the_actions_taken_towards_their_targets():
    q = learner([[1.0, 2.0], [3.0, 5.0]], [[4.0, 6.0], [8.0, 9.0]])

    q.update(batch([0, 1], [1, 0], [0, 1], [1.0, 2.0], [0.0, 1.0]))

    # Adam's first step has the size of the learning rate, whatever the gradient.
    expected = torch.tensor([[1.0, 2.1], [2.9, 5.0]])
    assert torch.allclose(q.q_network.values, expected, atol=1e-5)


def test_the_target_network_gets_no_gradient():
    q = learner([[1.0, 2.0]], [[4.0, 6.0]])

    q.update(batch([0], [0], [0], [1.0], [0.0]))

    assert q.target_network.values.grad is None
    assert q.target_network.values.tolist() == [[4.0, 6.0]]


@pytest.mark.parametrize(("tau", "expected"), [(1.0, 2.0), (0.25, 5.0)])
def test_target_update_moves_by_tau(tau, expected):
    q = learner([[2.0]], [[6.0]])

    q.update_target(tau)

    assert q.target_network.values.item() == pytest.approx(expected)


def test_target_network_is_a_copy_of_its_own():
    q = Learner(Table([[1.0]]), learning_rate=0.1, gamma=0.9, device=torch.device("cpu"))

    q.update(batch([0], [0], [0], [1.0], [1.0]))

    assert q.target_network.values.item() == 1.0


def test_greedy_actions_are_those_of_highest_value():
    actions = greedy_actions(Table([[1.0, 5.0, 2.0], [7.0, 0.0, 6.0]]), np.array([0, 1, 0]))

    assert actions.tolist() == [1, 0, 1]
