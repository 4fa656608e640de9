"""The binding of WorkerChannel: its data, its waits and its errors."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

from framering import _core


def test_both_sides_see_the_same_data() -> None:
    here = _core.WorkerChannel(workers=2, data_bytes=100)
    there = _core.WorkerChannel.attach(here.fd)
    assert (there.workers, there.data.shape, there.data.dtype) == (2, (100,), np.uint8)
    here.data[7] = 42
    assert there.data[7] == 42


def test_the_data_outlives_the_channel() -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=1000)
    data = channel.data
    del channel
    gc.collect()
    data[:] = 7
    assert (data == 7).all()


def test_a_wait_lets_other_threads_run() -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=0)
    answer = threading.Timer(0.05, lambda: channel.complete(0))
    channel.request(0)
    answer.start()
    assert channel.wait_all(spin=0.0, timeout=20.0) is None
    answer.join()


def test_a_wait_that_times_out_returns_the_busy_worker() -> None:
    channel = _core.WorkerChannel(workers=2, data_bytes=0)
    channel.request_all()
    channel.complete(0)
    assert channel.wait_all(spin=0.0, timeout=0.01) == 1
    assert channel.wait_request(0, spin=0.0, timeout=0.01) is False
    assert channel.wait_request(1, spin=0.0, timeout=0.0) is True


# By polling, a signal between two sleeps is seen at the end of the wait: a pool's takes 0.1 s.
@pytest.mark.linux("a futex, whose wait any signal ends")
def test_ctrl_c_ends_a_wait() -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=0)
    channel.request(0)
    begin = time.monotonic()
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        channel.wait_all(spin=0.0, timeout=20.0)
    assert time.monotonic() - begin < 10.0


@pytest.mark.parametrize("worker", [2, 2**40])
def test_a_worker_that_does_not_exist_is_refused(worker: int) -> None:
    channel = _core.WorkerChannel(workers=2, data_bytes=0)
    with pytest.raises(IndexError, match="worker: expected less than 2, got"):
        channel.request(worker)


@pytest.mark.parametrize("wrong", [-1.0, float("nan")])
def test_a_negative_time_is_refused(wrong: float) -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=0)
    with pytest.raises(ValueError, match="timeout: expected 0 or more seconds, got"):
        channel.wait_all(spin=0.0, timeout=wrong)


def test_the_calling_process_alone_passes_tasks_to_itself() -> None:
    channel = _core.WorkerChannel(workers=0, data_bytes=1, lanes=3)
    channel.start(np.array([2, 0, 1]), np.full(3, -1))
    order = []
    while (lane := channel.next_own(3, 2)) is not None:
        order.append(lane)
        channel.finish(lane)
    assert order == [2, 0]
    assert channel.take_ready(3).tolist() == [2, 0]


@pytest.mark.parametrize("worker", [-2, 1])
def test_tasks_for_a_worker_that_does_not_exist_are_refused(worker: int) -> None:
    channel = _core.WorkerChannel(workers=1, data_bytes=0, lanes=1)
    with pytest.raises(IndexError, match="worker: expected less than 1, got"):
        channel.start(np.array([0]), np.array([worker]))


def test_other_descriptors_are_refused() -> None:
    ring = _core.Ring(lanes=1, slots=64, frame_bytes=64, stack=2, shared=True)
    with pytest.raises(ValueError, match="expected a worker channel"):
        _core.WorkerChannel.attach(ring.fd)
