import pytest

from framering import TrainConfig, cli
from framering.dqn.exploration import EpsilonGreedy
from framering.dqn.learner import Learner
from framering.errors import ConfigError
from framering.training.profiling import profile


@pytest.fixture
def shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    steps = ["--total-timesteps", "400", "--learning-starts", "200"]
    cli.main(["profile", "--env-id", "CartPole-v1", "--device", "cpu", *steps])
    return capsys.readouterr().out


def row(shown, part):
    (found,) = [line for line in shown.splitlines() if line.startswith(f"│ {part}")]
    return [cell.strip() for cell in found.strip("│ ").split("│")]


def test_every_part_of_the_loop_is_timed(shown):
    assert row(shown, "choose actions")[2] == "400"
    assert row(shown, "receive frames")[2] == "400"
    assert row(shown, "sample a batch")[2] == "49"
    assert row(shown, "learn")[2] == "49"


def test_the_shares_add_up_to_the_whole_loop(shown):
    shares = [
        float(line.split("│")[2].strip(" %")) for line in shown.splitlines() if line.count("%") == 1
    ]

    assert len(shares) == 8
    assert sum(shares) == pytest.approx(100, abs=2)


def test_the_methods_are_restored_after_profiling(shown):
    assert EpsilonGreedy.actions.__name__ == "actions"
    assert Learner.update.__name__ == "update"


@pytest.mark.parametrize(("total_timesteps", "num_envs"), [(1, 1), (8, 8), (3, 8)])
def test_a_run_of_one_step_has_no_time_to_profile(total_timesteps, num_envs):
    with pytest.raises(ConfigError, match=f"--total-timesteps: .* got {total_timesteps}"):
        profile(TrainConfig(total_timesteps=total_timesteps, num_envs=num_envs))
