"""Which formats there are."""

from container import formats


def test_names_and_media_types() -> None:
    assert {name: formats.formats[name].media_type for name in sorted(formats.formats)} == {
        "clarify": "application/json",
        "jpeg": "image/jpeg",
        "json": "application/json",
        "jsonlines": "application/jsonlines",
        "png": "image/png",
        "txt": "text/plain",
    }
