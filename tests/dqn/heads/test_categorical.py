import math

import pytest
import torch
from torch import nn

from framering.dqn.heads.categorical import CategoricalHead, project
from framering.dqn.heads.head import Backup
from framering.dqn.policies import GreedyPolicy, soft_policy

ROWS, ACTIONS, ATOMS = 16, 3, 51


def random_batch(seed):
    """Outputs of states and of next states, actions, and a backup with terminal rows."""
    generator = torch.Generator().manual_seed(seed)
    # No probability is as small as the bound in the loss.
    outputs, next_outputs = torch.randn(2, ROWS, ACTIONS, ATOMS, generator=generator)
    actions = torch.randint(0, ACTIONS, (ROWS, 1), generator=generator)
    rewards = torch.randn(ROWS, 1, generator=generator) * 6
    dones = torch.randint(0, 2, (ROWS, 1), generator=generator).float()
    discounts = 0.99 ** torch.randint(1, 5, (ROWS, 1), generator=generator)
    return outputs, next_outputs, actions, Backup(rewards, discounts, dones)


def projected_by_the_paper(returns, probabilities, v_min, v_max, n_atoms):
    """Algorithm 1 of Bellemare et al. (2017), atom by atom."""
    spacing = (v_max - v_min) / (n_atoms - 1)
    projected = [0.0] * n_atoms
    for value, probability in zip(returns, probabilities, strict=True):
        position = (min(max(value, v_min), v_max) - v_min) / spacing
        lower, upper = math.floor(position), math.ceil(position)
        if lower == upper:
            projected[lower] += probability
        else:
            projected[lower] += probability * (upper - position)
            projected[upper] += probability * (position - lower)
    return projected


@pytest.mark.parametrize("seed", range(5))
def test_targets_and_losses_are_those_of_the_papers_algorithm(seed):
    head = CategoricalHead(ATOMS, -10.0, 10.0)
    outputs, next_outputs, _, backup = random_batch(seed)
    best = head.values(next_outputs).argmax(dim=1, keepdim=True)

    targets = head.targets(next_outputs, GreedyPolicy(best), backup)
    losses, errors = head.loss(outputs[:, 0], targets, None)

    atoms = [-10 + 0.4 * i for i in range(ATOMS)]
    for row in range(ROWS):
        pmfs = next_outputs[row].softmax(dim=1)
        values = [sum(z * p.item() for z, p in zip(atoms, pmf, strict=True)) for pmf in pmfs]
        assert best[row].item() == values.index(max(values))
        reward, discount, done = (part[row].item() for part in backup)
        returns = [reward + discount * z * (1 - done) for z in atoms]
        expected = projected_by_the_paper(returns, pmfs[best[row].item()].tolist(), -10, 10, ATOMS)
        assert targets[row].tolist() == pytest.approx(expected, abs=1e-4)
        log_probabilities = outputs[row, 0].log_softmax(dim=0).tolist()
        loss = -sum(m * log_p for m, log_p in zip(expected, log_probabilities, strict=True))
        assert losses[row].item() == pytest.approx(loss, rel=1e-3)
    assert torch.equal(errors, losses)


def test_returns_on_an_atom_or_beyond_the_last_keep_their_whole_probability():
    atoms = torch.linspace(-1, 1, 5)
    returns = torch.tensor([[-1.0, 0.5, 1.0, 7.0, -7.0, 0.25]])
    probabilities = torch.tensor([[0.1, 0.2, 0.1, 0.3, 0.1, 0.2]])

    projected = project(returns, probabilities, atoms, -1.0, 1.0)

    torch.testing.assert_close(projected, torch.tensor([[0.2, 0.0, 0.1, 0.3, 0.4]]))


def test_a_munchausen_target_is_the_mixture_of_the_policys_actions():
    head = CategoricalHead(ATOMS, -10.0, 10.0)
    _, next_outputs, _, backup = random_batch(7)
    next_outputs = next_outputs * 0.01  # near values: a policy that is not greedy
    policy = soft_policy(head.values(next_outputs))

    targets = head.targets(next_outputs, policy, backup)

    probabilities = (head.values(next_outputs) / 0.03).softmax(dim=1)
    assert probabilities.max().item() < 0.99
    for row in range(ROWS):
        reward, discount, done = (part[row].item() for part in backup)
        expected = [0.0] * ATOMS
        for action in range(ACTIONS):
            pi = probabilities[row, action].item()
            bonus = -0.03 * math.log(pi)
            returns = [reward + discount * (z + bonus) * (1 - done) for z in head.atoms.tolist()]
            pmf = (pi * next_outputs[row, action].softmax(dim=0)).tolist()
            one = projected_by_the_paper(returns, pmf, -10, 10, ATOMS)
            expected = [total + part for total, part in zip(expected, one, strict=True)]
        assert targets[row].tolist() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(ROWS))


class Actor(nn.Module):
    """Outputs by state, as torchrl's actor gives them: log-probabilities (B, atoms, actions)."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = nn.Parameter(outputs)

    def forward(self, states):
        return self.outputs[states.squeeze(-1).long()].transpose(1, 2).log_softmax(dim=1)


@pytest.mark.filterwarnings("ignore")  # torchrl has its own
def test_losses_are_those_of_torchrl():
    tensordict = pytest.importorskip("tensordict")
    from torchrl.modules import DistributionalQValueActor
    from torchrl.objectives import DistributionalDQNLoss

    head = CategoricalHead(ATOMS, -10.0, 10.0)
    outputs, next_outputs, actions, backup = random_batch(3)
    actor = DistributionalQValueActor(
        Actor(torch.cat([outputs, next_outputs])),
        support=head.atoms,
        in_keys=["observation"],
        action_space="categorical",
    )
    theirs = DistributionalDQNLoss(actor, gamma=0.97, reduction="none")
    rewards, _, dones = backup
    data = tensordict.TensorDict(
        {
            "observation": torch.arange(ROWS).unsqueeze(1),
            "action": actions,
            "next": {
                "observation": torch.arange(ROWS, 2 * ROWS).unsqueeze(1),
                "reward": rewards,
                "done": dones.bool(),
                "terminated": dones.bool(),
            },
        },
        batch_size=[ROWS],
    )

    expected = theirs(data)["loss"].detach()

    best = head.values(next_outputs).argmax(dim=1, keepdim=True)
    targets = head.targets(next_outputs, GreedyPolicy(best), Backup(rewards, 0.97, dones))
    chosen = outputs[torch.arange(ROWS), actions.flatten()]
    losses = head.loss(chosen, targets, None).losses
    torch.testing.assert_close(losses.flatten(), expected, rtol=1e-4, atol=1e-4)
