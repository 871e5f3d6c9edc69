"""bentoml, whose endpoints read JSON or forms: the picture comes as a form's file."""

import os
from pathlib import Path

import bentoml

from tests.bench.plain import Plain


@bentoml.service(workers=int(os.environ["WORKERS"]), traffic={"timeout": 600})
class Segmentation:
    """One picture a request."""

    def __init__(self) -> None:
        self.plain = Plain()

    @bentoml.api(route="/predict")
    def predict(self, picture: Path, kind: str, ctx: bentoml.Context) -> bytes:
        body, media_type = self.plain(picture.read_bytes(), kind)
        ctx.response.headers["content-type"] = media_type
        return body
