"""flask under gunicorn's default, synchronous worker."""

from flask import Flask, Response, request

from tests.bench.plain import Plain

app = Flask(__name__)
plain = Plain()


@app.get("/ping")
def ping() -> str:
    return ""


@app.post("/invocations")
def invocations() -> Response:
    body, media_type = plain(request.get_data(), request.args["kind"])
    return Response(body, content_type=media_type)
