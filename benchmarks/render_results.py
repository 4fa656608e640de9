"""Renders the files of ``benchmarks/results`` anew: runs each benchmark that writes one.

    python benchmarks/render_results.py --list
    python benchmarks/render_results.py [--only NAME ...]

``--list`` shows what would be run and how long it takes on two cores, and which files come from
training runs or are written by hand.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class Rendering(NamedTuple):
    """Files of results, and the command that writes all of them.

    Attributes
    ----------
    files
        Their names in the folder of results.
    arguments
        The script in ``benchmarks/`` and its arguments.
    minutes
        How long it takes on two cores.
    """

    files: tuple[str, ...]
    arguments: tuple[str, ...]
    minutes: int

    @property
    def command(self) -> list[str]:
        """The command to run in the checkout."""
        script, *rest = self.arguments
        return [sys.executable, str(FOLDER / script), *rest]


RENDERINGS = {
    "collectors": Rendering(("collectors.md",), ("collectors.py",), 6),
    "replay_by_game": Rendering(
        ("replay_by_game.md", "replay_by_game.csv", "replay_by_game.png"),
        ("replay_by_game.py",),
        90,
    ),
    "replay_scaling": Rendering(
        ("replay_scaling.csv", "replay_scaling.png"), ("replay_scaling.py",), 5
    ),
    "update_costs": Rendering(("update_costs.md",), ("update_costs.py",), 5),
    "vector_env": Rendering(
        ("vector_env.md",),
        ("compare_vector_env.py", "--save", str(FOLDER / "results" / "vector_env.md")),
        15,
    ),
}

# Files that no benchmark renders, and where their contents come from.
OTHERS = {
    "avx2.md": "the vector environments again with FRAMERING_CPU=avx2; it names its command",
    "training.md": "written by hand from benchmarks/compare_cleanrl.py and framering profile",
    "replay.md": "written by hand from replay_by_game.md",
    "gpu.md": "benchmarks/gpu.py on a machine with a GPU, and what was changed since",
    "learning.md": "written by hand from training runs of hours; it names their commands",
    "pong.csv": "framering plot of training runs, in learning.md",
    "pong.png": "framering plot of training runs, in learning.md",
    "breakout.csv": "framering plot of training runs, in learning.md",
    "breakout.png": "framering plot of training runs, in learning.md",
    "first_run.png": "benchmarks/curve_and_game.py of the first run of quick, in learning.md",
    "quick.csv": "framering plot of training runs, in learning.md",
    "quick.png": "framering plot of training runs, in learning.md",
    "kungfu.csv": "framering plot of training runs, in learning.md",
    "kungfu.png": "framering plot of training runs, in learning.md",
    "der.csv": "framering study of the preset der, in learning.md",
}


def listing(names: list[str]) -> str:
    """Return what would be run, how long it takes, and what is not rendered."""
    lines = []
    for name in names:
        each = RENDERINGS[name]
        lines.append(f"{name}, {each.minutes} min: python benchmarks/{each.arguments[0]}")
        lines += [f"    {file}" for file in each.files]
    lines.append("not rendered by a benchmark:")
    lines += [f"    {file}: {origin}" for file, origin in OTHERS.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(RENDERINGS)
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument("--list", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    if arguments.list:
        print(listing(arguments.only))
        return
    failed = []
    for number, name in enumerate(arguments.only):
        each = RENDERINGS[name]
        left = sum(RENDERINGS[other].minutes for other in arguments.only[number:])
        print(
            f"[{number + 1}/{len(arguments.only)}] {name}, {each.minutes} min; {left} min left",
            flush=True,
        )
        if subprocess.run(each.command, cwd=FOLDER.parent, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
