"""Maskserve with plug-ins of other folders: python -m tests.plugged PACKAGE=FOLDER … -- [COMMAND …]

Without a command it serves the fake model of `slow_server`.
"""

import importlib
import os
import sys
from pathlib import Path


def command(*arguments: str, **folders: Path) -> tuple[str, ...]:
    """The command line that starts it; `folders` are by package, with _ for the dots: container_formats=…"""
    plugs = [f"{package.replace('_', '.')}={folder}" for package, folder in folders.items()]
    return sys.executable, "-m", "tests.plugged", *plugs, "--", *arguments


if __name__ == "__main__":
    end = sys.argv.index("--")
    for plug in sys.argv[1:end]:
        package, _, folder = plug.partition("=")
        importlib.import_module(package).__path__.append(folder)
    if arguments := sys.argv[end + 1 :]:
        from container.cli import main

        main(arguments)
    else:
        from container.server.application import Application
        from container.settings import Settings
        from tests.slow_server import create

        Application(Settings.from_environ(os.environ), create).run()
