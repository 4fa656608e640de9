"""Starting Ray on this machine, or joining a cluster, for as long as a run lasts."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import ray

from framering.cores import usable_cores
from framering.errors import ConfigError

# Of Ray's own processes during the start alone, unless they are set already: a run doesn't report
# its use to Ray's makers, and actors without a GPU see none.
_VARIABLES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
_CONNECT_SECONDS = 10.0
# The least that Ray takes is about half of it.
_LEAST_STORE_BYTES = 150 << 20
_STARTS = 4


class RaySession:
    """A connection to Ray, which `close` ends.

    Where the process is connected to Ray already, that connection is used and stays.

    Parameters
    ----------
    address
        The cluster to join: ``auto`` or ``HOST:PORT``; empty to start Ray on this machine, which
        ends with the session.
    actors
        The number of actors, each on a core of its own. Ray on this machine accepts as many even
        where it has fewer cores.
    store_bytes
        The memory that objects take at once, for Ray on this machine.

    Raises
    ------
    ConfigError
        If there is no such cluster, or it has another version of Ray or of Python.
    """

    def __init__(self, address: str, actors: int, store_bytes: int) -> None:
        self._is_own = not ray.is_initialized()
        if not self._is_own:
            return
        if address not in ("", "auto"):
            _check_reachable(address)
        try:
            with _signals_kept(), _variables_set():
                if address:
                    _connect(address=address)
                else:
                    _start(_local_options(actors, store_bytes))
        except BaseException as error:
            ray.shutdown()
            if isinstance(error, Exception):  # whatever Ray raises
                raise _not_reached(address, error) from error
            raise

    def close(self) -> None:
        """End the connection, and Ray itself where the session has started it."""
        if self._is_own:
            ray.shutdown()
            self._is_own = False


def _check_reachable(address: str) -> None:
    """Raise ConfigError where nothing listens at an address; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise ConfigError(
            f"--ray-address: expected auto or HOST:PORT, got {address!r}; give what `ray start "
            "--head` has printed"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _not_reached(address, error) from error


def _start(options: dict[str, object], tries: int = _STARTS) -> None:
    """Start Ray, if need be in several tries: a busy machine may need longer than Ray waits."""
    try:
        _connect(**options)
    except Exception:
        ray.shutdown()
        if tries == 1:
            raise
        _start(options, tries - 1)


def _connect(**options: object) -> None:
    ray.init(log_to_driver=False, logging_level=logging.CRITICAL, **options)


def _local_options(actors: int, store_bytes: int) -> dict[str, object]:
    return {
        "address": "local",
        "num_cpus": max(actors, usable_cores()),
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": max(store_bytes, _LEAST_STORE_BYTES),
    }


def _not_reached(address: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split())
    if address:
        return ConfigError(
            f"--ray-address: expected a Ray cluster, got {address!r}: {reason:.300}; start one "
            "with `ray start --head`, or leave it out to start Ray on this machine"
        )
    return ConfigError(f"--collectors: Ray doesn't start on this machine: {reason:.300}")


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Context that restores the handler of SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _variables_set() -> Iterator[None]:
    """Context in which Ray's environment variables are set; a user's own are kept."""
    own = [name for name in _VARIABLES if name not in os.environ]
    os.environ.update({name: _VARIABLES[name] for name in own})
    try:
        yield
    finally:
        for name in own:
            with suppress(KeyError):
                del os.environ[name]
