"""The binding of the exchange: its views, its waits and what it refuses."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

from framering import _core


def test_both_sides_see_the_same_data() -> None:
    here = _core.Exchange(workers=2, data_bytes=100)
    there = _core.Exchange.attach(here.fd)
    assert (there.workers, there.data.shape, there.data.dtype) == (2, (100,), np.uint8)
    here.data[7] = 42
    assert there.data[7] == 42


def test_the_data_outlive_the_exchange() -> None:
    exchange = _core.Exchange(workers=1, data_bytes=1000)
    data = exchange.data
    del exchange
    gc.collect()
    data[:] = 7
    assert (data == 7).all()


def test_a_wait_lets_other_threads_run() -> None:
    exchange = _core.Exchange(workers=1, data_bytes=0)
    answer = threading.Timer(0.05, lambda: exchange.complete(0))
    exchange.request(0)
    answer.start()
    assert exchange.wait_all(spin=0.0, timeout=20.0) is None
    answer.join()


def test_a_wait_that_is_in_vain_names_the_worker() -> None:
    exchange = _core.Exchange(workers=2, data_bytes=0)
    exchange.request_all()
    exchange.complete(0)
    assert exchange.wait_all(spin=0.0, timeout=0.01) == 1
    assert exchange.wait_request(0, spin=0.0, timeout=0.01) is False
    assert exchange.wait_request(1, spin=0.0, timeout=0.0) is True


def test_ctrl_c_ends_a_wait() -> None:
    exchange = _core.Exchange(workers=1, data_bytes=0)
    exchange.request(0)
    begin = time.monotonic()
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        exchange.wait_all(spin=0.0, timeout=20.0)
    assert time.monotonic() - begin < 10.0


@pytest.mark.parametrize("worker", [2, 2**40])
def test_a_worker_that_does_not_exist_is_refused(worker: int) -> None:
    exchange = _core.Exchange(workers=2, data_bytes=0)
    with pytest.raises(IndexError, match="of an exchange for 2"):
        exchange.request(worker)


@pytest.mark.parametrize("wrong", [-1.0, float("nan")])
def test_a_negative_time_is_refused(wrong: float) -> None:
    exchange = _core.Exchange(workers=1, data_bytes=0)
    with pytest.raises(ValueError, match="a time must not be negative"):
        exchange.wait_all(spin=0.0, timeout=wrong)


def test_what_is_no_exchange_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        _core.Exchange(workers=0, data_bytes=1)
    ring = _core.Ring(lanes=1, slots=64, frame_bytes=64, stack=2, shared=True)
    with pytest.raises(ValueError, match="is no exchange"):
        _core.Exchange.attach(ring.fd)
