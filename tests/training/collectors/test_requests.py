"""What collectors are asked for, and what follows from their answers, without Ray."""

from collections import deque

import numpy as np
import pytest

from framering import TrainConfig
from framering.errors import RunError
from framering.integrations import ray as actors
from framering.integrations.ray import Fault, Received
from framering.training.collectors import environments
from framering.training.collectors.environments import CollectedEnvironments
from framering.training.collectors.messages import Chunks, versions
from framering.training.components import make_replay, network_options
from framering.training.task import make_task_spec

# The epsilons of two collectors.
HALF = np.full(2, 0.5)
NOTHING = Chunks(np.empty(0, np.uint8), [], [(21.0, 900)])


class Session:
    def __init__(self, *arguments):
        pass

    def close(self):
        pass


class Pool:
    """Actors that answer what a test has put into `answers`, in its order."""

    def __init__(self, make):
        self.sent = [[] for _ in make]
        self.outstanding = [deque() for _ in make]
        self.answers = deque()

    def ask_all(self, method, timeout):
        return [versions()] * len(self.sent)

    def room(self, actor):
        return 2 - len(self.outstanding[actor])

    def send(self, actor, weights, request):
        self.sent[actor].append(request)
        self.outstanding[actor].append(request)

    def forget(self, actor):
        self.outstanding[actor].clear()

    def receive(self, timeout):
        if not self.answers:
            return None
        actor, answer, fault = self.answers.popleft()
        return Received(actor, self.outstanding[actor].popleft(), answer, fault, "a reason")

    def close(self):
        pass


class Learner:
    updates = 0
    full = False

    def acting_weights(self):
        return {} if not self.full else None


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

    monkeypatch.setattr(environments.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def make(monkeypatch, clock):
    """A function (settings) -> environments with a pool that a test controls, and a learner."""
    monkeypatch.setattr(actors, "RaySession", Session)
    monkeypatch.setattr(actors, "ActorPool", Pool)
    monkeypatch.setattr(actors, "put", lambda value: value)

    def make(**settings):
        config = TrainConfig(
            env_id="PongNoFrameskip-v4", collectors=2, buffer_size=100, device="cpu", **settings
        )
        task = make_task_spec(config.env_id)
        replay = make_replay(config, task)
        return CollectedEnvironments(config, task, network_options(config), replay), Learner()

    return make


def test_each_collector_has_two_requests_in_their_order(make):
    envs, learner = make()

    envs.collect(learner, HALF)
    envs._pool.answers += [(1, NOTHING, None), (1, NOTHING, None)]
    for _ in range(3):
        envs.collect(learner, HALF)

    numbers = [[(one.incarnation, one.sequence) for one in sent] for sent in envs._pool.sent]
    assert numbers == [[(0, 0), (0, 1)], [(0, 0), (0, 1), (0, 2), (0, 3)]]


def test_each_collector_has_its_own_epsilon(make):
    envs, learner = make()

    envs.collect(learner, np.array([0.3, 0.01]))

    assert [sent[0].epsilon for sent in envs._pool.sent] == [0.3, 0.01]


def test_weights_are_put_after_so_many_updates_and_their_age_is_reported(make):
    envs, learner = make(weights_every=10)
    seen = []
    for updates in (0, 9, 10, 15, 20):
        learner.updates = updates
        envs._pool.answers.append((0, NOTHING, None))
        envs.collect(learner, HALF)
        seen.append((envs._pool.sent[0][-1].version, envs.report().weights_age))

    assert seen == [(0, 0), (0, 9), (10, 10), (10, 5), (20, 10)]


def test_episodes_are_reported_as_in_infos_of_a_vector_environment(make):
    envs, learner = make()
    envs._pool.answers.append((0, NOTHING, None))

    infos = envs.collect(learner, HALF)

    assert infos["episode"]["r"].tolist() == [21.0]
    assert infos["episode"]["l"].tolist() == [900]
    assert infos["_episode"].tolist() == [True]
    assert envs.collect(learner, HALF)["_episode"].tolist() == []


def test_a_lost_chunk_is_counted_and_its_games_go_on(make, clock):
    envs, learner = make(collector_envs=3)
    envs._pool.answers.append((0, None, Fault.LOST))

    envs.collect(learner, HALF)
    clock.now += 1
    envs.collect(learner, HALF)

    assert (envs.dropped, envs.restarts) == (3, 0)
    assert [one.sequence for one in envs._pool.sent[0]] == [0, 1, 2]
    assert {one.incarnation for one in envs._pool.sent[0]} == {0}


@pytest.mark.parametrize("fault", [Fault.DIED, None])
def test_a_collector_that_died_begins_an_incarnation_and_is_one_restart(make, clock, fault):
    envs, learner = make()
    envs._pool.answers.append((1, None, fault))
    envs.collect(learner, HALF)

    assert envs._pool.outstanding[1] == deque()
    envs.collect(learner, HALF)
    assert len(envs._pool.sent[1]) == 2, "Ray refuses requests while it restarts an actor"
    # It refuses another one, and then there is an answer.
    clock.now += 1
    envs._pool.answers += [(1, None, Fault.DIED)]
    envs.collect(learner, HALF)
    assert envs.restarts == 0
    clock.now += 1
    envs._pool.answers += [(1, NOTHING, None), (1, NOTHING, None)]
    envs.collect(learner, HALF)
    envs.collect(learner, HALF)

    assert (envs.dropped, envs.restarts) == (0, 1)
    numbers = [(one.incarnation, one.sequence) for one in envs._pool.sent[1]]
    assert numbers == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]


def test_the_run_ends_once_all_collectors_have_failed_for_minutes(make, clock):
    envs, learner = make()

    def fail(*failing):
        clock.now += 60
        envs.collect(learner, HALF)
        for actor in failing:
            envs._pool.answers.append((actor, None, Fault.DIED))
            envs.collect(learner, HALF)

    for _ in range(10):
        fail(0)
    for _ in range(3):
        fail(0, 1)
    with pytest.raises(RunError, match=r"all collectors have failed for 180 seconds; .*: a reason"):
        fail(0, 1)


def test_a_resumed_run_begins_incarnations_that_the_saved_one_had_not(make):
    envs, learner = make()

    envs.load_state_dict({"incarnations": [3, 0, 5]})
    envs.collect(learner, HALF)

    assert {one.incarnation for sent in envs._pool.sent for one in sent} == {6}
    assert envs.state_dict() == {"incarnations": [6, 6]}


def test_without_room_for_the_first_weights_the_run_ends(make, monkeypatch):
    envs, learner = make()
    learner.full = True

    with pytest.raises(RunError, match="weights don't fit into Ray's object store"):
        envs.collect(learner, HALF)
