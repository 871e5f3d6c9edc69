"""`python -m container`: see cli. Any Python can read this file, to say in one line that it is the wrong one."""

import importlib.util
import sys

NEEDED = ("click", "cv2", "flask", "gunicorn", "numpy", "prometheus_client", "torch", "torchvision")

if sys.version_info < (3, 11) or not all(map(importlib.util.find_spec, NEEDED)):
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    sys.exit(
        "maskserve: {} is Python {}.{}{}: `make setup` installs Python 3.11's packages into .venv, which ./serve and "
        ".venv/bin/python -m container use".format(
            sys.executable, *sys.version_info[:2], " without " + ", ".join(lacking) if lacking else ", not 3.11"
        )
    )

from container.cli import main  # noqa: E402  # after the check

main(prog_name="python -m container")
