"""The learner on a device that isn't the CPU: what leaves it, and what waits for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("accelerator.py")


@pytest.fixture(scope="module")
def operations():
    """Operations between host and device, or that wait for the device, in each case."""
    done = subprocess.run([sys.executable, PROGRAM], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_an_update_of_any_kind_stays_on_the_device_and_waits_for_nothing(operations):
    others = {"acting", "restoring"}
    updates = {name: found for name, found in operations.items() if ":" not in name}
    assert len(updates.keys() - others) == 7
    assert not any(found for name, found in updates.items() if name not in others), updates


def test_acting_copies_the_observations_there_and_the_actions_back(operations):
    assert operations["acting"] == ["_to_copy", "_to_copy"]


def test_a_restored_state_is_on_the_device(operations):
    assert operations["restoring"] == []


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("a number is read", ["DataDependentOutputException"]),
        ("a copy to the host", ["_to_copy"]),
        ("a copy from the host", ["_to_copy"]),
        ("a tensor on the host", ["FakeTensorDeviceMismatchError"]),
        ("a mask", ["DynamicOutputShapeException"]),
    ],
)
def test_a_fault_in_the_loss_is_found(fault, found, operations):
    assert operations[f"broken: {fault}"] == found
