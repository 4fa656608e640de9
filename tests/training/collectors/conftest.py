"""One Ray for the tests of a module, small and on this machine."""

import pytest


@pytest.fixture(scope="module")
def ray_options():
    """What a module's Ray has that is special."""
    return {"num_cpus": 3, "object_store_memory": 150 << 20}


@pytest.fixture(scope="module")
def local_ray(ray_options):
    """Ray on this machine, which the runs of this module's tests find and leave as it is."""
    import ray

    from framering.integrations.ray.cluster import _start, _variables_set

    fixed = {"address": "local", "num_gpus": 0, "include_dashboard": False}
    with _variables_set():
        _start({**fixed, **ray_options})
    yield ray
    ray.shutdown()
