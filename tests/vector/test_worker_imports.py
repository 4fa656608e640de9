"""A worker process imports the emulator alone, so that it starts quickly."""

import subprocess
import sys

PROGRAM = """
import sys
import framering.vector.worker
heavy = {"torch", "gymnasium", "cv2", "framering.replay", "framering.vector.env"}
print("imported:", sorted(heavy & set(sys.modules)))
"""


def test_a_worker_imports_neither_torch_nor_gymnasium() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "imported: []"
