import pytest
import torch

from framering.dqn.heads.head import Backup, quantile_huber_loss
from framering.dqn.heads.implicit_quantile import ImplicitQuantileHead
from framering.dqn.heads.quantile import QuantileHead
from framering.dqn.policies import GreedyPolicy, soft_policy

ROWS, ACTIONS = 12, 3


def random_batch(quantiles, targets, seed):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(ROWS, quantiles, generator=generator) * 2,
        torch.randn(ROWS, targets, generator=generator) * 2,
        torch.rand(ROWS, quantiles, generator=generator),
    )


def loss_by_the_paper(quantiles, targets, fractions):
    """Equation 10 of Dabney et al. (2018), and equation 3 of the paper on IQN, by loops."""
    total = 0.0
    for tau, theta in zip(fractions, quantiles, strict=True):
        for target in targets:
            delta = target - theta
            huber = 0.5 * delta**2 if abs(delta) <= 1 else abs(delta) - 0.5
            total += abs(tau - (1.0 if delta < 0 else 0.0)) * huber / len(targets)
    return total


@pytest.mark.parametrize(("quantiles", "targets"), [(1, 1), (5, 5), (8, 4)])
def test_losses_are_those_of_the_papers(quantiles, targets):
    predicted, wanted, fractions = random_batch(quantiles, targets, seed=quantiles)

    losses = quantile_huber_loss(predicted, wanted, fractions)

    for row in range(ROWS):
        parts = (predicted[row].tolist(), wanted[row].tolist(), fractions[row].tolist())
        assert losses[row].item() == pytest.approx(loss_by_the_paper(*parts), rel=1e-5)


@pytest.mark.parametrize(("quantiles", "targets"), [(5, 5), (8, 4)])
def test_losses_are_those_of_sb3_contrib(quantiles, targets):
    theirs = pytest.importorskip("sb3_contrib.common.utils").quantile_huber_loss
    predicted, wanted, fractions = random_batch(quantiles, targets, seed=9)
    predicted.requires_grad_()

    ours = quantile_huber_loss(predicted, wanted, fractions).mean()
    expected = theirs(
        predicted.detach().clone(), wanted, fractions.unsqueeze(2), sum_over_quantiles=True
    )

    torch.testing.assert_close(ours.detach(), expected)


def test_the_loss_is_least_at_the_quantiles_of_the_targets():
    # Distances far above 1, where the Huber loss is the quantile loss.
    targets = torch.arange(1000.0).unsqueeze(0)
    head = QuantileHead(4)
    candidates = torch.tensor([125.0, 375.0, 625.0, 875.0])

    def loss(quantiles):
        return head.loss(quantiles.unsqueeze(0), targets, None).losses.item()

    least = loss(candidates)
    for index in range(4):
        for step in (-20.0, 20.0):
            moved = candidates.clone()
            moved[index] += step
            assert loss(moved) > least


def test_values_are_means_and_targets_back_up_each_quantile():
    head = QuantileHead(3)
    outputs = torch.tensor([[[0.0, 1.0, 2.0], [3.0, 3.0, 6.0]], [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]])
    backup = Backup(torch.tensor([[1.0], [2.0]]), 0.5, torch.tensor([[0.0], [1.0]]))
    values = head.values(outputs)

    targets = head.targets(outputs, GreedyPolicy(values.argmax(1, keepdim=True)), backup)

    assert values.tolist() == [[1.0, 4.0], [1.0, 0.0]]
    assert targets.tolist() == [[2.5, 2.5, 4.0], [2.0, 2.0, 2.0]]


def test_a_munchausen_target_weighs_each_actions_quantiles():
    head = QuantileHead(2)
    outputs = torch.tensor([[[0.0, 0.02], [0.02, 0.03]]])
    backup = Backup(torch.tensor([[1.0]]), 0.5, torch.tensor([[0.0]]))

    targets = head.targets(outputs, soft_policy(head.values(outputs)), backup)

    pi = (torch.tensor([0.01, 0.025]) / 0.03).softmax(0)
    expected = [
        1 + 0.5 * sum(p * (z - 0.03 * p.log()) for p, z in zip(pi, column, strict=True)).item()
        for column in zip(*outputs[0].tolist(), strict=True)
    ]
    assert targets[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_implicit_fractions_are_uniform_and_drawn_anew():
    head = ImplicitQuantileHead(features=4, n_quantiles=8)
    generator = torch.Generator().manual_seed(1)

    first, second = (head.fractions(500, generator) for _ in range(2))

    assert first.shape == (500, 8)
    assert not torch.equal(first, second)
    counts = torch.histc(first, bins=10, min=0, max=1)
    assert counts.min() > 300
    assert counts.max() < 500


def test_the_embedding_is_that_of_the_paper():
    # φ_j(τ) = ReLU(Σ_i cos(π i τ) w_ij + b_j), i = 0 … 63, times the features.
    torch.manual_seed(1)
    head = ImplicitQuantileHead(features=3, n_quantiles=2)
    features, fractions = torch.randn(2, 3), torch.tensor([[0.1, 0.7], [0.5, 0.25]])

    embedded = head.embed(features, fractions).reshape(2, 2, 3)

    weight, bias = head.embedding.weight, head.embedding.bias
    for row in range(2):
        for index in range(2):
            cosines = torch.cos(torch.pi * torch.arange(64) * fractions[row, index])
            expected = features[row] * (weight @ cosines + bias).relu()
            torch.testing.assert_close(embedded[row, index], expected, rtol=1e-4, atol=1e-5)
