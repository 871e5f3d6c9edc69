"""Signed addresses: uploads that a job reads later, and the files of masks and pictures."""

import re

from flask import Blueprint, Response, request, send_file

from container.errors import BadRequest, ServingError
from container.protocols.nucleus import openapi
from container.protocols.nucleus.addresses import PARAMETERS
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.jobs import check_new
from container.protocols.nucleus.names import MASK_RULE, PREFIX, UPLOAD_RULE
from container.protocols.nucleus.replies import reply
from container.store import blobs, datasets, uploads
from container.web.body import check_plain, read_pieces

_REQUEST_ID = re.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE = {"description": "The file", "content": {"image/*": _BINARY, "application/octet-stream": _BINARY}}


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of signed addresses."""
    store = backend.store

    @blueprint.get(f"{PREFIX}/dataset/<dataset_id>/signedUrl/<request_id>")
    @openapi.described("An address to put an upload to", openapi.members(signed_url=openapi.TEXT))
    def signed_url(dataset_id: str, request_id: str) -> Response:
        if not _REQUEST_ID.fullmatch(request_id):
            raise BadRequest("the id of an upload takes 1 to 100 of the characters A-Z a-z 0-9 . _ -, no dot first")
        with store.read() as connection:
            datasets.find(connection, dataset_id)
        return reply({"signed_url": backend.addresses.upload(dataset_id, request_id)})

    @blueprint.put(UPLOAD_RULE)
    @openapi.signed(
        "Put an upload, a JSON object a line",
        openapi.answer("It is kept for a day, or until a job takes it", openapi.members(size=openapi.INTEGER)),
        parameters=PARAMETERS,
        requestBody={"content": {"application/octet-stream": _BINARY}},
    )
    def put_upload(dataset_id: str, request_id: str) -> Response:
        backend.addresses.check()
        check_plain(request)
        store.check_space()
        with store.read() as connection:
            datasets.find(connection, dataset_id)
            check_new(connection, dataset_id, request_id)
        file, size = store.uploads.receive(read_pieces(request))
        try:
            with store.write() as connection:
                dataset = datasets.find(connection, dataset_id)
                check_new(connection, dataset_id, request_id)
                before = uploads.add(connection, dataset.key, request_id, file, size)
        except ServingError:
            store.uploads.remove(file)
            raise
        if before is not None:
            store.uploads.remove(before)
        return reply({"size": size})

    @blueprint.get(MASK_RULE)
    @openapi.signed("A mask, or a picture, that was uploaded", _FILE, parameters=PARAMETERS)
    def mask(sha256: str) -> Response:
        backend.addresses.check()
        with store.read() as connection:
            blob = blobs.find(connection, sha256)
        file = store.blobs.open(blob.sha256)
        response = send_file(file, mimetype=blob.media_type, etag=blob.sha256, max_age=3600)
        response.content_length = blob.size
        return response
