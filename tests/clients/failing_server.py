"""`serve` with a model that raises on every picture."""

import os
import sys

from gunicorn.app.wsgiapp import run

from container.app import create_app
from container.settings import Settings
from tests.fakes import FakeEngine, fake_services

SECRET = "the model fell over a secret"

if __name__ == "__main__":
    sys.argv = ["gunicorn", "--config", "python:container.gunicorn_conf", "tests.clients.failing_server:create()"]
    sys.exit(run(prog="gunicorn"))


def create():
    """The application."""
    return create_app(Settings.from_environ(os.environ), fake_services(FakeEngine(error=ZeroDivisionError(SECRET))))
