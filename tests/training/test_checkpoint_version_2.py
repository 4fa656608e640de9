"""Checkpoints of version 0.1.0 become the state of today's components.

`tests/compatibility` resumes two runs that version 0.1.0 wrote; here are the networks that they
don't have.
"""

import random

import pytest
import torch

from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.dqn.network import NetworkOptions, make_network
from framering.training.checkpoint_version_2 import convert_version_2


def make_learner(shape, dueling, architecture):
    options = NetworkOptions(dueling=dueling, architecture=architecture)
    network = make_network(shape, 3, options)
    return Learner(network, learning_rate=1e-3, gamma=0.9, device=torch.device("cpu"))


def tensors_of_version_2(learner):
    """Return weights and moments as version 0.1.0 named them, in an order of their own."""
    tensors = {}
    networks = {"online": learner.q_network, "target": learner.target_network}
    for network, module in networks.items():
        tensors |= {f"{network}.{name}": weight for name, weight in module.state_dict().items()}
    for name, parameter in learner.q_network.named_parameters():
        for moment, value in learner.optimizer.state.get(parameter, {}).items():
            tensors[f"adam.{moment}.{name}"] = value
    return {name: tensors[name].detach().contiguous().clone() for name in sorted(tensors)}


def state_of_version_2(**changes):
    coin, words, gauss = random.Random(3).getstate()
    generator = EpsilonGreedy(3, 1, seed=4).random_actions.np_random
    state = {
        "config": {"seed": 7},
        "step": 500,
        "coin": [coin, list(words), gauss],
        "random_actions": generator.bit_generator.state,
        "games": None,
    }
    return {**state, **changes}


@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize(
    ("shape", "dueling", "architecture"),
    [
        ((5,), False, "nature"),
        ((5,), True, "nature"),
        ((4, 36, 36), False, "nature"),
        ((4, 36, 36), True, "nips"),
    ],
)
def test_weights_and_moments_reach_the_parameters_that_they_belong_to(
    shape, dueling, architecture, updated
):
    saved, loaded = (make_learner(shape, dueling, architecture) for _ in range(2))
    if updated:
        for number, parameter in enumerate(saved.q_network.parameters()):
            parameter.grad = torch.full_like(parameter, float(number + 1))
        saved.optimizer.step()

    state = convert_version_2(state_of_version_2(), tensors_of_version_2(saved))
    loaded.load_state_dict(state["learner"])

    for ours, theirs in zip(
        loaded.q_network.parameters(), saved.q_network.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
        moments, expected = loaded.optimizer.state.get(ours, {}), saved.optimizer.state[theirs]
        assert moments.keys() == expected.keys()
        assert all(torch.equal(moments[name], expected[name]) for name in expected)
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(
            loaded.target_network.parameters(), saved.target_network.parameters(), strict=True
        )
    )


def test_exploration_goes_on_with_the_saved_generators():
    state = convert_version_2(state_of_version_2(), {})
    policy = EpsilonGreedy(3, 1, seed=0)

    policy.load_state_dict(state["exploration"])

    assert policy.rng.random() == random.Random(3).random()
    expected = EpsilonGreedy(3, 1, seed=4).random_actions
    assert [policy.random_actions.sample() for _ in range(20)] == [
        expected.sample() for _ in range(20)
    ]


@pytest.mark.parametrize(
    ("games", "expected"), [(None, {"seed": 507}), (["00ff", "61"], {"games": [b"\x00\xff", b"a"]})]
)
def test_games_are_bytes_and_other_environments_go_on_from_a_seed(games, expected):
    state = convert_version_2(state_of_version_2(games=games), {})

    assert state["environments"] == expected
