"""One Ray for the tests of a module, small and on this machine."""

import logging

import pytest


@pytest.fixture(scope="module")
def local_ray():
    """Ray on this machine, which the runs of this module's tests find and leave as it is."""
    ray = pytest.importorskip("ray")
    from framering.integrations.ray.cluster import _start, _variables_set

    with _variables_set():
        _start(
            {
                "address": "local",
                "num_cpus": 3,
                "num_gpus": 0,
                "include_dashboard": False,
                "object_store_memory": 150 << 20,
            }
        )
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    yield ray
    ray.shutdown()
