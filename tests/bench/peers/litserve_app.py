"""litserve, whose handlers read JSON or forms: the picture comes as a form's file."""

import os

import litserve
from fastapi import Request, Response

from tests.bench.plain import Plain


class Api(litserve.LitAPI):
    """One picture a request."""

    def setup(self, device: str) -> None:
        self.plain = Plain()

    def decode_request(self, request: Request) -> tuple[bytes, str]:
        return request["picture"].file.read(), request["kind"]

    def predict(self, inputs: tuple[bytes, str]) -> tuple[bytes, str]:
        return self.plain(*inputs)

    def encode_response(self, output: tuple[bytes, str]) -> Response:
        body, media_type = output
        return Response(content=body, media_type=media_type)


if __name__ == "__main__":
    workers = int(os.environ["WORKERS"])
    server = litserve.LitServer(
        Api(), accelerator="cpu", workers_per_device=workers, healthcheck_path="/ping", timeout=600
    )
    server.run(port=int(os.environ["PORT"]), host="127.0.0.1", generate_client_file=False, num_api_servers=1)
