"""``python -m framering`` is the command ``framering``."""

from framering.cli import main

main()
