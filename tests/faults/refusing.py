"""Plain Flask that refuses everything, to compare refusals with; `serve`'s contract of the environment."""

import sys

from flask import Flask, request

from tests.hostile.naive import serve

app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    return ""


@app.post("/invocations")
def invocations() -> tuple[str, int]:
    request.get_data()
    return "busy", 503


if __name__ == "__main__":
    sys.exit(serve("tests.faults.refusing:app"))
