import copy
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from framering import QNetwork
from framering.dqn.heads.expected import ExpectedHead
from framering.dqn.learner import Learner, greedy_actions

Batch = namedtuple(
    "Batch", "observations actions next_observations dones rewards discounts", defaults=[None]
)


class Table(nn.Module):
    """Action values of a handful of states: small enough to compute by hand."""

    def __init__(self, values, huber=False):
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))
        self.head = ExpectedHead(huber)

    def forward(self, states):
        return self.values[states]

    def scaled(self, states):
        return states

    def outputs(self, states, fractions=None):
        return self.values[states].unsqueeze(2)


def learner(values, target, huber=False, **options):
    made = Learner(
        Table(values, huber), learning_rate=0.1, gamma=0.5, device=torch.device("cpu"), **options
    )
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

    loss, q_value, _ = q.update(batch([0, 1], [1, 0], [0, 1], [1.0, 2.0], [0.0, 1.0]))

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
    q = Learner(Table([[1.0]]), learning_rate=0.1, gamma=0.5, device=torch.device("cpu"))

    q.update(batch([0], [0], [0], [1.0], [1.0]))

    assert q.target_network.values.item() == 1.0


def test_greedy_actions_are_those_of_highest_value():
    actions = greedy_actions(Table([[1.0, 5.0, 2.0], [7.0, 0.0, 6.0]]), np.array([0, 1, 0]))

    assert actions.tolist() == [1, 0, 1]


def test_n_step_returns_discount_by_the_steps_that_were_taken():
    # Targets: 1 + 0.125 · 6 = 1.75, and 2 + 0.25 · 9 = 4.25.
    q = learner([[1.0, 2.0], [3.0, 5.0]], [[4.0, 6.0], [8.0, 9.0]])
    steps = batch([0, 1], [1, 0], [0, 1], [1.0, 2.0], [0.0, 0.0])

    loss, *_ = q.update(steps._replace(discounts=torch.tensor([[0.125], [0.25]])))

    assert loss.item() == pytest.approx(((2 - 1.75) ** 2 + (3 - 4.25) ** 2) / 2)


def test_double_dqn_values_the_action_that_the_online_network_prefers():
    # Online prefers action 1 in state 0, where the target network's value is 4 and not 6.
    q = learner([[1.0, 2.0]], [[6.0, 4.0]], double=True)

    loss, *_ = q.update(batch([0], [0], [0], [1.0], [0.0]))

    assert loss.item() == pytest.approx((1 - (1 + 0.5 * 4)) ** 2)


def test_huber_loss_is_linear_beyond_one():
    # Errors: 3 costs 3 − ½, and 0.5 costs ½ · 0.25.
    q = learner([[1.0], [1.5]], [[0.0], [0.0]], huber=True)

    loss, *_ = q.update(batch([0, 1], [0, 0], [0, 0], [4.0, 1.0], [1.0, 1.0]))

    assert loss.item() == pytest.approx((2.5 + 0.125) / 2)


@pytest.mark.parametrize(("limit", "norm"), [(0.0, 10.0), (0.5, 0.5), (20.0, 10.0)])
def test_gradients_are_scaled_down_to_the_norm(limit, norm):
    # The gradient of (q − y)² is 2 (0 − 5) = −10.
    q = learner([[0.0]], [[0.0]], max_grad_norm=limit)

    q.update(batch([0], [0], [0], [5.0], [1.0]))

    assert q.q_network.values.grad.norm().item() == pytest.approx(norm, rel=1e-5)


def test_weights_scale_each_rows_loss_and_td_errors_are_returned_unscaled():
    Weighted = namedtuple("Weighted", [*Batch._fields, "weights"])
    q = learner([[1.0], [1.5]], [[0.0], [0.0]])
    plain = batch([0, 1], [0, 0], [0, 0], [4.0, 1.0], [1.0, 1.0])

    result = q.update(Weighted(*plain, torch.tensor([[0.5], [1.0]])))

    assert result.loss.item() == pytest.approx((0.5 * 3.0**2 + 0.5**2) / 2)
    assert result.td_errors.tolist() == [[3.0], [-0.5]]


def random_batches(number, actions=4):
    generator = torch.Generator().manual_seed(1)
    for _ in range(number):
        block = torch.randint(0, 256, (8, 5, 84, 84), dtype=torch.uint8, generator=generator)
        yield Batch(
            block[:, :4],
            torch.randint(0, actions, (8, 1), generator=generator),
            block[:, 1:],
            torch.randint(0, 2, (8, 1), generator=generator).float(),
            torch.randn(8, 1, generator=generator),
        )


def plain_weights(double):
    """Twelve updates by the formula, with none of what makes the learner fast."""
    torch.manual_seed(1)
    network, target = QNetwork(4), QNetwork(4)
    target.load_state_dict(network.state_dict())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, foreach=False, fused=False)
    for sample in random_batches(12):
        with torch.no_grad():
            values = target(sample.next_observations)
            best = (network(sample.next_observations) if double else values).argmax(1, True)
            goal = sample.rewards + 0.99 * values.gather(1, best) * (1 - sample.dones)
        loss = ((network(sample.observations).gather(1, sample.actions) - goal) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.state_dict()


@pytest.mark.filterwarnings(  # torch's compiler has its own
    "ignore::DeprecationWarning", "ignore:The .grad attribute:UserWarning"
)
# Compiling takes half a minute; with Double DQN, the compiled code holds all of plain DQN's.
@pytest.mark.parametrize(("compiled", "double"), [(False, False), (False, True), (True, True)])
def test_updates_give_the_weights_of_the_plain_formula(compiled, double):
    torch.manual_seed(1)
    warnings = []
    q = Learner(
        QNetwork(4),
        learning_rate=1e-3,
        gamma=0.99,
        device=torch.device("cpu"),
        double=double,
        compiled=compiled,
        warn=warnings.append,
    )
    for sample in random_batches(12):
        q.update(sample)

    expected = plain_weights(double)
    assert warnings == []
    for name, weight in q.q_network.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=2e-4)


@pytest.mark.filterwarnings(  # torch's compiler has its own
    "ignore::DeprecationWarning", "ignore:The .grad attribute:UserWarning"
)
@pytest.mark.parametrize(
    ("head", "options"),
    [("iqn", {"munchausen": True, "augment": True}), ("c51", {"double": True})],
)
def test_compiled_updates_of_the_family_give_the_weights_of_plain_ones(head, options):
    warnings = []
    learners = []
    for compiled in (False, True):
        torch.manual_seed(1)
        network = QNetwork(4, (4, 36, 36), True, "data-efficient", head=head, noisy=True)
        learners.append(
            Learner(
                network,
                learning_rate=1e-3,
                gamma=0.99,
                device=torch.device("cpu"),
                compiled=compiled,
                warn=warnings.append,
                **options,
            )
        )
    for sample in small_batches(4):
        for one in learners:
            one.update(sample)

    plain, compiled = (one.q_network.state_dict() for one in learners)
    assert warnings == []
    for name, weight in compiled.items():
        torch.testing.assert_close(weight, plain[name], rtol=0, atol=2e-4)


def test_a_failing_compiler_is_one_warning_and_no_lost_update(monkeypatch):
    def broken(function, **options):
        def call(*arguments):
            raise RuntimeError("no C++ compiler\nand a long story")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    warnings = []
    q = learner([[1.0, 2.0]], [[4.0, 6.0]], compiled=True, warn=warnings.append)

    for _ in range(2):
        loss, *_ = q.update(batch([0], [1], [0], [1.0], [0.0]))

    plain = learner([[1.0, 2.0]], [[4.0, 6.0]])
    for _ in range(2):
        expected, *_ = plain.update(batch([0], [1], [0], [1.0], [0.0]))
    assert loss.item() == expected.item()
    assert warnings == ["torch.compile failed, continuing without it: no C++ compiler"]


def test_bfloat16_rounds_the_products_alone():
    torch.manual_seed(1)
    network = QNetwork(4)
    learners = [
        Learner(
            copy.deepcopy(network),
            learning_rate=1e-3,
            gamma=0.99,
            device=torch.device("cpu"),
            bfloat16=bfloat16,
        )
        for bfloat16 in (False, True)
    ]
    (sample,) = random_batches(1)

    exact, rounded = (q.update(sample) for q in learners)

    assert rounded.loss.dtype == rounded.td_errors.dtype == torch.float32
    assert all(weight.dtype == torch.float32 for weight in learners[1].q_network.parameters())
    # bfloat16 has eight significant bits: a rounding error of a 256th at each product.
    torch.testing.assert_close(rounded.td_errors, exact.td_errors, rtol=0, atol=0.02)
    assert not torch.equal(rounded.td_errors, exact.td_errors)


@pytest.mark.parametrize("dueling", [False, True])
def test_bfloat16_does_not_round_the_values_themselves(dueling):
    torch.manual_seed(1)
    network = QNetwork(4, dueling=dueling)
    # Values as a trained network has them: far from zero, their differences small.
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    torch.nn.init.constant_(last.bias, 5.0)
    (sample,) = random_batches(1)

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rounded = network(sample.observations)
    exact = network(sample.observations)

    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.005)
    assert not torch.equal(rounded, rounded.bfloat16().float())


def convolutional_learner(seed=1):
    torch.manual_seed(seed)
    network = QNetwork(4, (4, 36, 36), architecture="nips")
    return Learner(network, learning_rate=1e-3, gamma=0.9, device=torch.device("cpu"))


def small_batches(number):
    generator = torch.Generator().manual_seed(2)
    for _ in range(number):
        block = torch.randint(0, 256, (8, 5, 36, 36), dtype=torch.uint8, generator=generator)
        actions = torch.randint(0, 4, (8, 1), generator=generator)
        rewards, dones = torch.randn(8, 1, generator=generator), torch.zeros(8, 1)
        yield Batch(block[:, :4], actions, block[:, 1:], dones, rewards)


def tensors_of(state, prefix=""):
    """Return all tensors of nested dicts, by path."""
    found = {}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            found[f"{prefix}{name}"] = value.clone()
        elif isinstance(value, dict):
            found |= tensors_of(value, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("contiguous", [False, True])
def test_a_loaded_learner_goes_on_as_the_saved_one_bit_for_bit(contiguous):
    saved = convolutional_learner()
    for sample in small_batches(3):
        saved.update(sample)
    saved.update_target(0.5)
    state = copy.deepcopy(saved.state_dict())
    if contiguous:  # as a file that doesn't keep strides gives the moments
        for moments in state["optimizer"]["state"].values():
            moments.update({name: moment.contiguous() for name, moment in moments.items()})
    loaded = convolutional_learner(seed=5)

    loaded.load_state_dict(state)
    for sample in small_batches(3):
        saved.update(sample)
        loaded.update(sample)

    expected, got = tensors_of(saved.state_dict()), tensors_of(loaded.state_dict())
    assert expected.keys() == got.keys()
    assert all(torch.equal(got[name], expected[name]) for name in expected)


def test_loaded_moments_have_the_memory_format_of_their_parameters():
    saved = convolutional_learner()
    saved.update(next(small_batches(1)))
    state = copy.deepcopy(saved.state_dict())
    for moments in state["optimizer"]["state"].values():
        moments.update({name: moment.contiguous() for name, moment in moments.items()})
    loaded = convolutional_learner()

    loaded.load_state_dict(state)

    for parameter, moments in loaded.optimizer.state.items():
        assert moments["exp_avg"].stride() == parameter.stride()
        assert moments["exp_avg_sq"].stride() == parameter.stride()
        assert moments["exp_avg"].data_ptr() not in {
            moment["exp_avg"].data_ptr() for moment in state["optimizer"]["state"].values()
        }


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state.pop("target_network"),
        lambda state: state.update(more=1),
        lambda state: state["q_network"].pop("network.0.bias"),
        lambda state: state["q_network"].update({"network.0.bias": torch.zeros(3)}),
        lambda state: state["target_network"].update({"network.9.bias": torch.zeros(3)}),
        lambda state: state["target_network"].update(
            {"network.0.bias": torch.zeros(16, dtype=torch.complex64)}
        ),
        lambda state: state.update(optimizer=None),
        lambda state: state["optimizer"]["state"].pop(0),
        lambda state: state["optimizer"]["state"][0].pop("step"),
        lambda state: state["optimizer"]["state"][7].update(exp_avg=torch.zeros(5)),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_nothing_changes(spoil):
    saved = convolutional_learner()
    saved.update(next(small_batches(1)))
    state = copy.deepcopy(saved.state_dict())
    spoil(state)
    q = convolutional_learner(seed=5)
    before = tensors_of(q.state_dict())

    with pytest.raises(ValueError, match=": expected"):
        q.load_state_dict(state)

    after = tensors_of(q.state_dict())
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
