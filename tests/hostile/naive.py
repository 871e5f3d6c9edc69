"""The server that most people write first, to see that the attacks in this folder do harm."""

import io
import os
import sys

from flask import Flask, Response, jsonify, request
from PIL import Image

app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    """Alive."""
    return ""


@app.post("/invocations")
def invocations() -> Response:
    """The size of a picture, or the picture as a PNG."""
    body = request.get_json()["image"] if request.is_json else request.get_data()
    picture = Image.open(io.BytesIO(body)).convert("RGB")
    if request.headers.get("Accept") == "image/png":
        out = io.BytesIO()
        picture.save(out, "PNG")
        return Response(out.getvalue(), content_type="image/png")
    return jsonify(labels=[], boxes=[], size=picture.size)


def serve(app: str) -> int:
    """Serve `module:name` under gunicorn's threads, on the port that the environment names."""
    from gunicorn.app.wsgiapp import run

    port = os.environ["SAGEMAKER_BIND_TO_PORT"]
    sys.argv = ["gunicorn", "--threads", "4", "-k", "gthread", "-b", f"127.0.0.1:{port}", app]
    return int(run(prog="gunicorn") or 0)


if __name__ == "__main__":
    sys.exit(serve("tests.hostile.naive:app"))
