"""Plain Flask that refuses everything, to compare refusals with; `serve`'s contract of the environment."""

import os

from flask import Flask, request

app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    return ""


@app.post("/invocations")
def invocations() -> tuple[str, int]:
    request.get_data()
    return "busy", 503


if __name__ == "__main__":
    import sys

    from gunicorn.app.wsgiapp import run

    port = os.environ["SAGEMAKER_BIND_TO_PORT"]
    sys.argv = ["gunicorn", "--threads", "4", "-k", "gthread", "-b", f"127.0.0.1:{port}", "tests.faults.refusing:app"]
    sys.exit(run(prog="gunicorn"))
