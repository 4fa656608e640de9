"""PrioritizedDQN learns its priorities, and is SB3's DQN where priorities play no part."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import framering
from framering.integrations.sb3 import PrioritizedDQN, PrioritizedReplayBuffer, ReplayBuffer

SETTINGS = {"learning_starts": 50, "buffer_size": 500, "device": "cpu", "seed": 1}


def prioritized(env="CartPole-v1", **options):
    return PrioritizedDQN("MlpPolicy", env, **{**SETTINGS, **options})


def priorities_of(buffer):
    priorities, _ = buffer._sampler.priorities()
    return priorities[priorities > 0]


def record_batches(model):
    """Append each batch that the model draws, with the beta of that moment, to the list."""
    drawn, sample = [], model.replay_buffer.sample

    def recording(*args, **options):
        drawn.append((sample(*args, **options), model.replay_buffer.beta))
        return drawn[-1][0]

    model.replay_buffer.sample = recording
    return drawn


@pytest.mark.parametrize("batch_size", [32, 50])
def test_without_priorities_the_weights_are_those_of_sb3s_dqn(batch_size):
    options = {"replay_buffer_kwargs": {"alpha": 0, "beta": 0}, "batch_size": batch_size}
    ours = prioritized(final_beta=0, **options).learn(400)
    plain = DQN(
        "MlpPolicy",
        "CartPole-v1",
        replay_buffer_class=PrioritizedReplayBuffer,
        **{**SETTINGS, **options},
    )
    with pytest.warns(UserWarning, match="PrioritizedDQN"):
        plain.learn(400)
    for name, weights in plain.policy.state_dict().items():
        assert torch.equal(ours.policy.state_dict()[name], weights), name


def test_priorities_become_the_td_errors_of_the_batch():
    model = prioritized(learning_rate=0.0, train_freq=51).learn(51)
    drawn = record_batches(model)
    assert len(set(priorities_of(model.replay_buffer))) > 1
    model.train(1, batch_size=64)
    ((batch, _),) = drawn
    with torch.no_grad():
        values = model.q_net(batch.observations).gather(1, batch.actions)
        best = model.q_net_target(batch.next_observations).max(dim=1, keepdim=True).values
    targets = batch.rewards + 0.99 * (1 - batch.dones) * best
    expected = dict(zip(batch.indices.tolist(), (targets - values).abs().flatten(), strict=True))
    found, _ = model.replay_buffer._sampler.priorities()
    np.testing.assert_allclose(
        [found[index] for index in expected], np.array([*expected.values()]) + 1e-6, rtol=1e-5
    )


def test_a_transition_of_weight_0_changes_no_network():
    model = prioritized().learn(60)
    before = [parameter.clone() for parameter in model.q_net.parameters()]
    sample = model.replay_buffer.sample
    model.policy.optimizer.state.clear()  # without it, Adam's momentum would move the network
    model.replay_buffer.sample = lambda *args, **options: sample(*args, **options)._replace(
        weights=torch.zeros(32, 1)
    )
    model.train(1, batch_size=32)
    assert all(map(torch.equal, before, model.q_net.parameters()))


def test_beta_goes_from_the_buffers_to_the_final_one():
    model = prioritized(replay_buffer_kwargs={"beta": 0.2}, final_beta=0.7)
    drawn = record_batches(model)
    model.learn(200)
    betas = [beta for _, beta in drawn]
    # The first gradient step is after step 52 of 200.
    np.testing.assert_allclose(betas, 0.2 + 0.5 * np.arange(52, 201, 4) / 200)
    assert model.logger.name_to_value["train/beta"] == betas[-1]


def test_a_saved_model_and_its_buffer_go_on(tmp_path):
    model = prioritized(final_beta=0.9, replay_buffer_kwargs={"beta": 0.3}).learn(200)
    model.save(tmp_path / "model.zip")
    model.save_replay_buffer(tmp_path / "buffer.pkl")
    resumed = PrioritizedDQN.load(tmp_path / "model.zip", env=model.get_env(), device="cpu")
    resumed.load_replay_buffer(tmp_path / "buffer.pkl")
    before = priorities_of(model.replay_buffer)
    np.testing.assert_array_equal(priorities_of(resumed.replay_buffer), before)
    assert (resumed.initial_beta, resumed.final_beta) == (0.3, 0.9)
    for name, weights in model.policy.state_dict().items():
        assert torch.equal(resumed.policy.state_dict()[name], weights), name
    resumed.learn(100)
    assert resumed.replay_buffer.size() == 300
    assert not np.array_equal(priorities_of(resumed.replay_buffer)[:200], before)


def test_n_steps_reach_the_buffer(tmp_path):
    model = prioritized(n_steps=3, gamma=0.9).learn(100)
    discounts = model.replay_buffer.sample(200).discounts
    assert set(discounts.flatten().tolist()) <= {np.float32(0.9**n) for n in (1, 2, 3)}
    model.save(tmp_path / "model.zip")
    assert PrioritizedDQN.load(tmp_path / "model.zip", device="cpu").n_steps == 3


def test_several_normalized_environments_train():
    env = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2))
    model = prioritized(env).learn(200)
    assert len(set(priorities_of(model.replay_buffer))) > 10


def test_framerings_own_prioritized_buffer_is_taken():
    model = prioritized(replay_buffer_class=framering.PrioritizedReplayBuffer).learn(100)
    assert len(set(priorities_of(model.replay_buffer))) > 1


def test_a_loaded_buffer_without_priorities_is_refused(tmp_path):
    plain = DQN("MlpPolicy", "CartPole-v1", replay_buffer_class=ReplayBuffer, **SETTINGS)
    plain.learn(60).save_replay_buffer(tmp_path / "buffer.pkl")
    model = prioritized()
    model.load_replay_buffer(tmp_path / "buffer.pkl")
    with pytest.raises(TypeError, match="expected a PrioritizedReplayBuffer, got ReplayBuffer"):
        model.learn(60)


def test_bad_arguments_are_refused():
    with pytest.raises(TypeError, match="expected PrioritizedReplayBuffer, got ReplayBuffer"):
        prioritized(replay_buffer_class=ReplayBuffer)
    with pytest.raises(ValueError, match="final_beta"):
        prioritized(final_beta=-1)


@pytest.mark.parametrize("algorithm", [DQN, SAC])
def test_an_algorithm_that_updates_no_priorities_is_warned_about_once(algorithm):
    env = "CartPole-v1" if algorithm is DQN else "Pendulum-v1"
    model = algorithm(
        "MlpPolicy", env, replay_buffer_class=PrioritizedReplayBuffer, train_freq=1, **SETTINGS
    )
    with pytest.warns(UserWarning, match="update_priorities: expected a call after") as caught:
        model.learn(150)
    assert len(caught) == 1
