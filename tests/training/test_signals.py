import os
import signal
import subprocess
import sys

import pytest

from framering.training.signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_a_request(number):
    with StopSignals() as stop:
        assert not stop.requested
        os.kill(os.getpid(), number)
        assert stop.requested


def test_a_second_signal_interrupts():
    with StopSignals():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_from_before_are_restored():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with StopSignals():
        pass

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_acknowledged_at_once(number, capfd):
    with StopSignals():
        os.kill(os.getpid(), number)
        assert capfd.readouterr().err.startswith("stopping; Ctrl-C again")


def test_a_closed_standard_error_is_no_error():
    program = """
import os, signal
from framering.training.signals import StopSignals
os.close(2)
with StopSignals() as stop:
    os.kill(os.getpid(), signal.SIGINT)
    assert stop.requested
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
