"""`python -m container`: see cli."""

from container.cli import main

main(prog_name="python -m container")
