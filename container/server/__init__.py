"""What stands around gunicorn: its application and settings, the worker, where requests end, who is slow, start-up."""
