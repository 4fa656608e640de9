"""A collector in this process, without Ray."""

import numpy as np
import pytest
import torch
from tests.training.collectors.reference import WriterLog, wrong_transitions

from framering import TrainConfig
from framering.training.collectors.collector import Collector
from framering.training.collectors.environments import collector_settings
from framering.training.collectors.lanes import ChunkWriter
from framering.training.collectors.messages import Request, seeds_of
from framering.training.components import make_learner, make_replay, network_options
from framering.training.task import make_task_spec

CONFIG = TrainConfig(
    env_id="BreakoutNoFrameskip-v4",
    seed=3,
    collectors=1,
    collector_envs=2,
    collector_steps=40,
    buffer_size=4000,
    network="data-efficient",
    device="cpu",
)


@pytest.fixture(autouse=True)
def _threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def task():
    return make_task_spec(CONFIG.env_id)


@pytest.fixture
def weights(task):
    return make_learner(CONFIG, task).acting_weights()


@pytest.fixture
def make_collector():
    def make():
        return Collector(collector_settings(CONFIG, network_options(CONFIG)), 0)

    return make


def request(sequence, incarnation=0, epsilon=0.5, version=0):
    return Request(incarnation, sequence, version, epsilon)


def test_every_transition_is_that_of_the_game_played_again(
    make_collector, task, weights, monkeypatch
):
    log = WriterLog(monkeypatch)
    replay = make_replay(CONFIG, task)
    writer = ChunkWriter(replay, CONFIG.collector_envs)
    collector = make_collector()

    for incarnation, sequence in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (4, 0)]:
        asked = request(sequence, incarnation)
        taken, unusable = writer.write(0, asked, collector.collect(weights, asked))
        assert (taken, unusable) == (80, 0)

    assert wrong_transitions(CONFIG, replay, log) == (0, 480)
    # Two games with three incarnations each: one segment continues over the chunks of each.
    terminated = replay._sampler.steps(np.array([(0, n) for n in range(240)]))["terminated"]
    assert terminated.any()


def test_a_collector_that_replaced_another_does_not_know_its_games(make_collector, weights):
    assert make_collector().collect(weights, request(sequence=3)) is None


def test_the_same_request_gives_the_same_chunks(make_collector, weights):
    one, other = (make_collector().collect(weights, request(0)) for _ in range(2))

    assert one.sizes == other.sizes
    assert bytes(one.data) == bytes(other.data)


def test_finished_games_are_reported_with_their_lengths_in_frames(make_collector, weights):
    collector = make_collector()
    chunks = [collector.collect(weights, request(n, epsilon=1.0)) for n in range(12)]

    episodes = [episode for one in chunks for episode in one.episodes]
    assert episodes
    assert all(returned >= 0 and length > 100 for returned, length in episodes)


def test_it_acts_with_the_weights_of_the_newest_version(make_collector, weights):
    collector = make_collector()
    collector.collect(weights, request(0, version=1))
    zeros = {name: np.zeros_like(array) for name, array in weights.items()}
    zeros.update({name: array + 1 for name, array in zeros.items() if name.endswith("bias")})

    collector.collect(zeros, request(1, version=1))
    unchanged = collector._network.state_dict()
    assert all(torch.equal(unchanged[name], torch.tensor(weights[name])) for name in weights)
    collector.collect(zeros, request(2, version=2))
    changed = collector._network.state_dict()
    assert all(torch.equal(changed[name], torch.tensor(zeros[name])) for name in zeros)


def test_no_two_games_have_the_same_seed():
    seeds = [
        seed
        for run in (1, 2)
        for collector in range(20)
        for incarnation in range(20)
        for seed in seeds_of(run, collector, incarnation, 4)[1]
    ]
    assert len(set(seeds)) == len(seeds)
