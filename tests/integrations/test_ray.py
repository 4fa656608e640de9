"""Joining and starting Ray, and actors that answer requests; whole runs: `tests/training`."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from framering.errors import ConfigError
from framering.integrations.ray import RaySession
from framering.integrations.ray.cluster import _VARIABLES


@pytest.mark.parametrize("address", ["nonsense", "host:", ":6379", "host:port", "ray://host:6379"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match=r"--ray-address: expected auto or HOST:PORT, got"):
        RaySession(address, 1, 0)


def test_an_address_where_nothing_listens_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ConfigError, match=r"expected a Ray cluster, got '127.0.0.1:.* refused"):
        RaySession(f"127.0.0.1:{port}", 1, 0)
    with pytest.raises(ConfigError, match=r"expected a Ray cluster, got '127.0.0.1:99999999'"):
        RaySession("127.0.0.1:99999999", 1, 0)


def test_training_imports_no_ray_without_collectors():
    program = "import framering.training.loop, sys; sys.exit('ray' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_a_session_leaves_signals_and_variables_and_a_connection_of_the_users_own():
    import ray

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    variables = {name: os.environ.get(name) for name in _VARIABLES}

    own = RaySession("", 1, 0)
    try:
        assert ray.is_initialized()
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
        assert {name: os.environ.get(name) for name in _VARIABLES} == variables

        RaySession("", 1, 0).close()
        assert ray.is_initialized()
    finally:
        own.close()
    assert not ray.is_initialized()
