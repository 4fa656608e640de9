"""Collectors whose object store is full, and has no disk to spill to."""

import contextlib

import numpy as np
import pytest
from tests.training.collectors.reference import WriterLog
from tests.training.collectors.test_environments import Games, collect_until

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")

MEGABYTES = 1 << 20
# Ray sends what is smaller than 100 kB past the object store.
LARGE = {"collectors": 1, "collector_steps": 500, "weights_every": 1}


@pytest.fixture(scope="module")
def ray_options():
    return {
        "num_cpus": 1,
        "object_store_memory": 80 * MEGABYTES,
        "_system_config": {"local_fs_capacity_threshold": 0.001},
    }


@pytest.fixture
def fill(local_ray):
    """A function that fills the object store; what it returns keeps it full."""

    def fill():
        held = []
        for size in (8 * MEGABYTES, MEGABYTES // 4, 20_000):
            with contextlib.suppress(local_ray.exceptions.OutOfDiskError):
                while True:
                    held.append(local_ray.get(local_ray.put(np.zeros(size, np.uint8))))
        return held

    return fill


def test_a_full_object_store_drops_whole_chunks_and_keeps_old_weights(fill, monkeypatch):
    log = WriterLog(monkeypatch)
    with contextlib.closing(Games(**LARGE)) as games:
        collect_until(games, lambda: games.envs._arrived >= 1000)
        held = fill()
        games.learner.updates += 1
        collect_until(games, lambda: games.envs.dropped >= 4)
        arrived, dropped = games.envs._arrived, games.envs.dropped
        assert dropped % games.config.collector_envs == 0
        assert games.envs._version == 0

        held.clear()
        collect_until(games, lambda: games.envs._arrived >= arrived + 2000)

        assert games.envs._version == 1
        assert games.envs.restarts == 0
        # The chunks that arrived are whole, in order and of one incarnation; the dropped ones miss.
        assert {one.incarnation for one in log.written[0]} == {0}
        numbers = [one.sequence for one in log.written[0]]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] + 1 - len(numbers) >= dropped // games.config.collector_envs
        assert len(games.replay) == games.envs._arrived == 1000 * len(numbers)
