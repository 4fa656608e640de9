"""A worker process imports only the emulator, so that it starts quickly."""

import subprocess
import sys

# Gymnasium is not among them: ale_py imports it.
PROGRAM = """
import sys
import framering.vector.worker
heavy = {"torch", "cv2", "tyro", "framering.replay", "framering.vector.env", "framering.config"}
print("imported:", sorted(heavy & set(sys.modules)))
"""


def test_a_worker_imports_neither_torch_nor_the_environment() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "imported: []"
