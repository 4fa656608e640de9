"""The kernels run without the interpreter lock, so that other threads can run."""

import itertools
import sys
import threading

import numpy as np
import pytest

from framering import resize_area
from framering._core import AtariPreprocessor

CALLS = 400


def a_resize():
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    return lambda: resize_area(image, (84, 84))


def a_preprocessing():
    first, second = np.random.default_rng(0).integers(0, 256, (2, 210, 160), np.uint8)
    # In turn, so that every row changes and the whole frame is computed.
    screens = itertools.cycle([(first, second), (second, first)])
    preprocessor, out = AtariPreprocessor(order="gymnasium"), np.empty((84, 84), np.uint8)
    return lambda: preprocessor.process(*next(screens), out)


@pytest.fixture
def no_forced_switches():
    """Let threads change only where one gives the interpreter lock away by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def calls_made_before_another_thread_ran(call):
    made = 0

    def work():
        nonlocal made
        started.set()
        for _ in range(CALLS):
            call()
            made += 1

    started = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    seen = made
    thread.join()
    return seen


@pytest.mark.usefixtures("no_forced_switches")
@pytest.mark.parametrize("make_call", [a_resize, a_preprocessing])
def test_another_thread_runs_while_a_kernel_does(make_call):
    assert calls_made_before_another_thread_ran(make_call()) < CALLS


@pytest.mark.usefixtures("no_forced_switches")
def test_another_thread_waits_for_what_holds_the_lock():
    assert calls_made_before_another_thread_ran(lambda: sum(range(1000))) == CALLS
