import subprocess
import sys
from pathlib import Path

import pytest

import render_results

RESULTS = Path(render_results.__file__).parent / "results"


def test_every_file_of_results_is_rendered_or_says_where_it_comes_from():
    rendered = [file for each in render_results.RENDERINGS.values() for file in each.files]
    named = [*rendered, *render_results.OTHERS]

    assert sorted(named) == sorted(path.name for path in RESULTS.iterdir())


@pytest.mark.parametrize("name", render_results.RENDERINGS)
def test_the_script_of_a_rendering_exists_and_takes_its_arguments(name):
    command = render_results.RENDERINGS[name].command
    assert Path(command[1]).is_file()


def test_the_list_runs_nothing():
    command = [sys.executable, render_results.__file__, "--list", "--only", "update_costs"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert shown.startswith("update_costs, 5 min: python benchmarks/update_costs.py\n")
    assert "vector_env" not in shown


def test_only_what_is_chosen_is_run_and_failures_are_named(monkeypatch):
    def run(command, **options):
        commands.append(Path(command[1]).name)
        return subprocess.CompletedProcess(command, 1 if "scaling" in command[1] else 0)

    commands = []
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["render", "--only", "replay_scaling", "update_costs"])

    with pytest.raises(SystemExit, match="failed: replay_scaling"):
        render_results.main()
    assert commands == ["replay_scaling.py", "update_costs.py"]
