"""What gunicorn loads in each worker, after the fork."""

import os

from container.app import create_app
from container.settings import Settings

app = create_app(Settings.from_environ(os.environ))
