"""The gunicorn application and its settings, the worker, request framing, shedding of slow clients, and start-up."""
