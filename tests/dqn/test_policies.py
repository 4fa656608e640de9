import math

import pytest
import torch

from framering.dqn.policies import munchausen_bonus, soft_policy


def test_the_bonus_is_the_clipped_log_probability_of_the_action_taken():
    values = torch.tensor([[1.0, 1.0], [0.0, 0.06], [0.0, 5.0]])
    actions = torch.tensor([[0], [1], [0]])

    bonus = munchausen_bonus(values, actions).flatten().tolist()

    log_second = -math.log(1 + math.exp(-2))
    assert bonus[0] == pytest.approx(0.9 * 0.03 * math.log(0.5), rel=1e-5)
    assert bonus[1] == pytest.approx(0.9 * 0.03 * log_second, rel=1e-4)
    assert bonus[2] == pytest.approx(0.9 * -1.0)  # clipped: ln π is below −166


def test_the_soft_value_is_the_scaled_logarithm_of_the_sum():
    # Σ_a π(a) (q(a) − τ ln π(a)) = τ ln Σ_a exp(q(a) / τ)
    values = torch.tensor([[0.5, 0.51, 0.4], [1.0, -3.0, 2.0]])

    soft = soft_policy(values).expectation(values.unsqueeze(2))

    expected = 0.03 * (values / 0.03).logsumexp(dim=1, keepdim=True)
    torch.testing.assert_close(soft, expected)
