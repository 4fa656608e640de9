"""The shares of ranks, without starting any."""

import dataclasses
import os

import numpy as np
import pytest
from gymnasium import spaces

from framering import PrioritizedReplayBuffer, TrainConfig
from framering.cores import usable_cores
from framering.errors import ConfigError
from framering.reporting.episodes import Episode, GatheredEpisodes
from framering.training import loop
from framering.training.components import Components
from framering.training.launch import current_ranks
from framering.training.preflight import check_memory, memory_limit
from framering.training.ranks import Ranks, first_game_seed
from framering.training.task import make_task_spec
from framering.training.torchrun import TorchrunRanks

CONFIG = TrainConfig(
    num_envs=8, num_workers=4, buffer_size=1000, batch_size=64, buffer_memory=2000, seed=7
)


def set_torchrun(monkeypatch, rank=0, size=2):
    numbers = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
    for name, value in {"TORCHELASTIC_RUN_ID": "test", **numbers}.items():
        monkeypatch.setenv(name, str(value))


def test_a_share_is_a_part_of_the_environments_the_buffer_and_the_batch():
    share = TorchrunRanks(1, 4, 1, 4).share(CONFIG)

    assert (share.num_envs, share.num_workers) == (2, 1)
    assert (share.buffer_size, share.buffer_memory, share.batch_size) == (250, 500, 16)
    assert share.pipelined
    kept = {"seed", "num_envs", "num_workers", "buffer_size", "buffer_memory", "batch_size"}
    for field in dataclasses.fields(share):
        if field.name not in kept | {"pipeline"}:
            assert getattr(share, field.name) == getattr(CONFIG, field.name)


def test_one_environment_a_rank_is_pipelined_as_the_environments_of_the_whole_run_are():
    config = dataclasses.replace(CONFIG, num_envs=4, num_workers=None)

    assert TorchrunRanks(1, 4, 1, 4).share(config).pipelined


def test_the_only_rank_has_the_whole():
    assert Ranks().share(CONFIG) == CONFIG


def test_ranks_have_different_seeds_and_the_first_has_the_runs():
    seeds = [TorchrunRanks(rank, 4, rank, 4).share(CONFIG).seed for rank in range(4)]

    assert seeds[0] == CONFIG.seed
    assert len({*seeds, *range(4, 12)}) == 3 + 8
    assert all(0 <= seed < 2**62 for seed in seeds)


def test_games_have_the_seeds_that_they_have_in_one_process():
    ranks = [TorchrunRanks(rank, 4, rank, 4) for rank in range(4)]

    seeds = [
        first_game_seed(CONFIG, one) + game
        for one in ranks
        for game in range(one.share(CONFIG).num_envs)
    ]

    assert seeds == list(range(7, 15))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_envs": 9}, r"--num-envs: expected a multiple of the 4 ranks.* got 9; .* 8 or 12"),
        ({"num_envs": 3}, r"--num-envs: expected .* got 3; set --num-envs to 4$"),
        ({"buffer_size": 1001}, r"--buffer-size: expected .* got 1001; .* to 1000 or 1004"),
        ({"batch_size": 30}, r"--batch-size: expected .* got 30; .* to 28 or 32"),
        ({"num_workers": 3}, r"--num-workers: expected .* got 3; .* to 4"),
        ({"collectors": 2, "num_envs": 1}, r"--collectors: expected one rank, got 4; .* torchrun"),
        ({"async_envs": True}, r"--async-envs: expected one rank, got 4; .* leave it out"),
    ],
)
def test_settings_that_ranks_cant_share_are_refused(settings, message):
    config = dataclasses.replace(CONFIG, **settings)

    with pytest.raises(ConfigError, match=message):
        TorchrunRanks(0, 4, 0, 4).check(config)


def test_they_are_refused_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    set_torchrun(monkeypatch)
    monkeypatch.setattr(loop, "reset_or_restore", None)

    with pytest.raises(ConfigError, match="--num-envs: expected a multiple of the 2 ranks"):
        loop.train(TrainConfig(env_id="CartPole-v1", device="cpu"))
    assert list(tmp_path.iterdir()) == []


def test_more_ranks_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)

    TorchrunRanks(0, 4, 0, 2).check(CONFIG)
    TorchrunRanks(0, 4, 0, 4).check(dataclasses.replace(CONFIG, device="cpu"))
    with pytest.raises(ConfigError, match="at most the 2 GPUs of this machine, got 4; start fewer"):
        TorchrunRanks(0, 4, 0, 4).check(CONFIG)


def test_the_variables_of_other_launchers_make_no_ranks(monkeypatch):
    set_torchrun(monkeypatch)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")

    assert type(current_ranks()) is Ranks


def test_torchrun_with_one_process_makes_no_ranks(monkeypatch):
    set_torchrun(monkeypatch, size=1)

    assert type(current_ranks()) is Ranks


def test_torchrun_with_two_processes_makes_two_ranks(monkeypatch):
    set_torchrun(monkeypatch, rank=1)

    ranks = current_ranks()

    assert (ranks.rank, ranks.size, ranks.local_size) == (1, 2, 2)
    assert not ranks.is_first


def test_ranks_of_a_machine_share_its_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(6), raising=False)

    assert usable_cores() == 6
    set_torchrun(monkeypatch, size=2)
    assert usable_cores() == 3
    set_torchrun(monkeypatch, size=8)
    assert usable_cores() == 1


def test_ranks_of_a_machine_share_its_memory(monkeypatch):
    monkeypatch.setattr("framering.training.preflight.available_memory", lambda: 10**6)
    config = dataclasses.replace(CONFIG, buffer_size=100_000, buffer_memory=0)
    task = make_task_spec("PongNoFrameskip-v4")

    # Records take 3.2 MB: too much for one machine, not for four.
    check_memory(config, task, TorchrunRanks(0, 4, 0, 1))
    with pytest.raises(ConfigError, match="--buffer-size 24996 fits"):
        check_memory(config, task, TorchrunRanks(0, 12, 0, 12))
    assert memory_limit(config, task, 4) == 200_000


def test_importance_weights_are_divided_by_the_largest_of_all_ranks():
    def buffer(seed, priorities):
        box = spaces.Box(0, 1, (1,), np.float32)
        options = {"alpha": 1.0, "beta": 0.5, "epsilon": 1e-12, "seed": seed, "device": "cpu"}
        made = PrioritizedReplayBuffer(10, box, spaces.Discrete(10), **options)
        for action in range(len(priorities)):
            ends = np.array([action == len(priorities) - 1])
            made.add(*[np.zeros((1, 1), np.float32)] * 2, np.array([action]), ends, ends, [{}])
        seen = made.sample(1000)
        made.update_priorities(seen.indices, np.array(priorities)[seen.actions[:, 0]])
        return made

    priorities = [[1.0, 2.0, 5.0, 8.0], [3.0, 3.0, 6.0, 12.0]]
    buffers = [buffer(seed, own) for seed, own in enumerate(priorities)]
    least = min(min(own) / sum(own) for own in priorities)

    class Rank(Ranks):
        size = 2

        def least(self, value):
            return least

    largest = []
    for own, drawn_from in zip(priorities, buffers, strict=True):
        components = Components(drawn_from, None, None, None, Rank())
        batch = loop.sample(components, 1000, None)
        probabilities = np.array(own)[batch.actions[:, 0]] / sum(own)
        np.testing.assert_allclose(batch.weights[:, 0], (probabilities / least) ** -0.5, rtol=1e-6)
        largest.append(batch.weights.max().item())
    assert largest == pytest.approx([1, (3 / 24 / least) ** -0.5])


def test_episodes_of_all_ranks_are_reported_by_one_in_the_order_of_their_steps():
    own, other = [Episode(10, 1.0, 5), Episode(900, 2.0, 6)], [Episode(20, 3.0, 7)]
    first = GatheredEpisodes(lambda value: [value, other], reports=True)
    second = GatheredEpisodes(lambda value: [value, value], reports=False)

    assert first.after_step(992, 8, own) == []
    assert first.after_step(1000, 8, []) == [own[0], other[0], own[1]]
    assert first.rest() == other
    assert second.after_step(1000, 8, own) == []


def test_the_command_that_resumes_starts_as_many_ranks():
    assert Ranks().command == "framering"
    assert TorchrunRanks(0, 4, 0, 4).command == (
        "torchrun --standalone --nproc-per-node 4 -m framering"
    )
    assert TorchrunRanks(0, 4, 0, 2).command == (
        "torchrun --nnodes 2 --nproc-per-node 2 -m framering"
    )
