"""`python -m deploy`: see cli."""

from deploy.cli import main

main(prog_name="python -m deploy")
