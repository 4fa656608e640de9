"""The public names have types that a user's mypy sees."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import framering

PROGRAM = Path(__file__).parent / "typing" / "user_program.py"
ROOT = Path(__file__).parent.parent


def test_a_users_program_passes_mypy_strict_and_its_mistakes_are_found():
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--follow-imports=silent",
    ]
    # An editable install is found by an import hook, which mypy doesn't run.
    environment = {**os.environ, "MYPYPATH": str(ROOT / "python")}

    checked = subprocess.run(
        [*command, str(PROGRAM)], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_users_program_uses_every_public_name():
    tree = ast.parse(PROGRAM.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "framering"
        for alias in node.names
    }
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert imported & used == set(framering.__all__)
