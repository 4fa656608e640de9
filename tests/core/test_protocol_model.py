"""Exhaustive models of the lock-free protocols, checked by Spin where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).parent / "model"
COMPILER = shutil.which("cc")

pytestmark = pytest.mark.skipif(
    shutil.which("spin") is None or COMPILER is None, reason="needs spin and a C compiler"
)


def errors_found(model: str, folder: Path, mutation: str | None = None) -> int:
    """Check every reachable state of a model, and its end states, and count the errors."""
    defines = [] if mutation is None else [f"-D{mutation}"]
    subprocess.run(
        ["spin", *defines, "-a", str(MODELS / model)], cwd=folder, check=True, capture_output=True
    )
    subprocess.run(
        [str(COMPILER), "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True
    )
    report = subprocess.run(
        ["./pan", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    assert "search depth too small" not in report
    assert "out of memory" not in report
    found = re.search(r"errors: (\d+)", report)
    assert found is not None, report
    return int(found[1])


@pytest.mark.parametrize("model", ["ring.pml", "arena.pml", "doorbell.pml"])
def test_spin_finds_no_error_in_the_protocol(model: str, tmp_path: Path) -> None:
    assert errors_found(model, tmp_path) == 0


@pytest.mark.parametrize(
    ("model", "mutation"),
    [
        ("ring.pml", "NO_CHECK"),
        ("ring.pml", "PUBLISH_EARLY"),
        ("ring.pml", "CLAIM_LATE"),
        ("ring.pml", "NO_FENCE"),
        ("ring.pml", "ONE_SHORT"),
        ("arena.pml", "NO_CHECK"),
        ("arena.pml", "PUBLISH_EARLY"),
        ("arena.pml", "CLAIM_LATE"),
        ("arena.pml", "NO_FENCE"),
        ("arena.pml", "ONE_SHORT"),
        ("arena.pml", "GIVE_BACK_EARLY"),
        ("arena.pml", "GIVE_BACK_LATER"),
        ("arena.pml", "OWN_WORDS"),
        ("arena.pml", "LOWERED"),
        ("doorbell.pml", "LOOK_FIRST"),
        ("doorbell.pml", "SLEEP_BLIND"),
        ("doorbell.pml", "NO_FLAG"),
    ],
)
def test_spin_finds_the_error_of_a_broken_protocol(
    model: str, mutation: str, tmp_path: Path
) -> None:
    assert errors_found(model, tmp_path, mutation) > 0
