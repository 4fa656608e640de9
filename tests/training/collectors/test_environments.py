"""Collectors on a real Ray: their transitions, their faults, and runs with them."""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.training.collectors.reference import WriterLog, wrong_transitions

from framering import TrainConfig
from framering.errors import ConfigError
from framering.training.checkpoint import load_checkpoint
from framering.training.collectors import environments, messages
from framering.training.collectors.environments import CollectedEnvironments
from framering.training.components import make_learner, make_replay, network_options
from framering.training.loop import train
from framering.training.task import make_task_spec

pytestmark = [
    pytest.mark.usefixtures("local_ray", "empty_folder_and_one_thread"),
    # Ray leaves files and sockets to the garbage collector.
    pytest.mark.filterwarnings("default::ResourceWarning"),
]

BREAKOUT = {
    "env_id": "BreakoutNoFrameskip-v4",
    "seed": 5,
    "collectors": 2,
    "collector_envs": 2,
    "collector_steps": 16,
    "buffer_size": 200_000,
    "network": "data-efficient",
    "device": "cpu",
}
RUN = {
    **BREAKOUT,
    "buffer_size": 2000,
    "total_timesteps": 400,
    "learning_starts": 60,
    "batch_size": 4,
    "target_network_frequency": 50,
    "weights_every": 10,
}


class Games:
    """Collected environments with a replay buffer and a learner that never learns."""

    def __init__(self, **settings):
        self.config = config = TrainConfig(**{**BREAKOUT, **settings})
        task = make_task_spec(config.env_id)
        self.replay = make_replay(config, task)
        self.learner = make_learner(config, task)
        self.envs = CollectedEnvironments(config, task, network_options(config), self.replay)

    def collect(self):
        return self.envs.collect(self.learner, np.full(self.config.collectors, 0.5))

    def close(self):
        self.envs.close()


def collector_processes():
    """Return the ids of the collectors' processes, which are descendants of this one."""
    parents = {process: parent for process, parent, _ in processes()}
    return [
        process
        for process, _, name in processes()
        if name.startswith(b"ray::Collector") and os.getpid() in ancestors(process, parents)
    ]


def processes():
    """Yield the id, the parent and the command line of each process."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            yield int(folder.name), int(parent), (folder / "cmdline").read_bytes()


def ancestors(process, parents):
    while process in parents:
        process = parents[process]
        yield process


def kill_one(games, draws, ray):
    """Kill a collector, by Ray where that is given; return how many were killed."""
    if ray is not None:
        ray.kill(draws.choice(games.envs._pool._actors), no_restart=False)
        return 1
    found = collector_processes()
    if not found:
        return 0
    try:
        os.kill(draws.choice(found), signal.SIGKILL)
    except ProcessLookupError:  # it ended after it was found
        return 0
    return 1


def collect_until(games, holds, seconds=60):
    """Collect until a condition holds; fail if it doesn't in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, games.envs.report()
        games.collect()


@pytest.mark.linux("finds the collectors in /proc")
def test_no_transition_is_wrong_however_collectors_are_killed(monkeypatch, local_ray):
    log = WriterLog(monkeypatch)
    draws = random.Random(0)
    seconds = float(os.environ.get("FRAMERING_KILL_SECONDS", "5"))
    with contextlib.closing(Games()) as games:
        end, next_kill, kills = time.monotonic() + seconds, 0.0, 0
        while time.monotonic() < end or games.envs.restarts < 2:
            games.collect()
            # A kill while another process starts would be the same restart.
            whole = not any(one.died for one in games.envs._collectors)
            if whole and time.monotonic() >= next_kill:
                kills += kill_one(games, draws, local_ray if kills % 3 == 2 else None)
                next_kill = time.monotonic() + draws.uniform(0.5, 2)
            assert time.monotonic() < end + 180, games.envs.report()
        collect_until(games, lambda: not any(one.died for one in games.envs._collectors))

        wrong, checked = wrong_transitions(games.config, games.replay, log)
        assert wrong == 0
        assert checked == len(games.replay) == games.envs._arrived
        assert games.envs.dropped == 0
        assert kills >= games.envs.restarts >= 2


@pytest.mark.linux("finds the collectors in /proc")
def test_a_collector_that_stops_delays_nobody():
    with contextlib.closing(Games()) as games:
        collect_until(games, lambda: games.envs._arrived >= 128)
        stopped = collector_processes()[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            before = games.envs._arrived
            collect_until(games, lambda: games.envs._arrived >= before + 320)
        finally:
            os.kill(stopped, signal.SIGCONT)
        # At most two answers of the stopped one were under way.
        assert [len(sent) for sent in games.envs._pool._sent] == [2, 1] or [1, 2]


def test_a_collector_of_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(messages, "PROTOCOL", messages.PROTOCOL + 1)

    with pytest.raises(ConfigError, match=r"expected framering .*protocol 2.* on all .*protocol 1"):
        Games()


def test_too_few_cores_are_an_error_and_not_a_wait(monkeypatch):
    monkeypatch.setattr(environments, "_START_SECONDS", 5.0)

    with pytest.raises(ConfigError, match=r"expected 5 of them .* the cluster has 3: give fewer"):
        Games(collectors=5)


def test_a_run_learns_in_the_ratio_that_its_settings_say_and_reports_its_collectors(capsys):
    result = train(TrainConfig(**RUN, train_frequency=2))

    assert 400 <= result.steps < 400 + 32
    written = EventAccumulator(str(result.folder))
    written.Reload()
    tags = written.Tags()["scalars"]
    for tag in (
        "SPS",
        "SPS_0",
        "SPS_1",
        "weights_age",
        "samples_per_transition",
        "chunks_dropped",
        "restarts",
    ):
        assert f"collectors/{tag}" in tags
    output = capsys.readouterr().out
    assert "4 environments in 2 collectors on Ray, on this machine" in output
    assert "collectors 2 at" in output


def test_a_run_goes_on_with_the_same_and_with_another_number_of_collectors():
    first = train(TrainConfig(**RUN, prioritized=True, n_step=3, checkpoint_every=200))
    assert load_checkpoint(first.folder).state["environments"] == {"incarnations": [0, 0]}

    same = train(TrainConfig(resume=str(first.folder)), total_timesteps=500)
    assert same.steps >= 500
    assert load_checkpoint(first.folder).state["environments"] == {"incarnations": [1, 1]}

    more = train(TrainConfig(resume=str(first.folder)), total_timesteps=600, collectors=3)
    assert more.steps >= 600
    state = load_checkpoint(first.folder).state
    assert state["environments"] == {"incarnations": [2, 2, 2]}
    assert state["config"]["collectors"] == 3
