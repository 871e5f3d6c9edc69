"""Bodies that hold options beside their pictures: forms, and JSON in the shapes of several platforms.

{"image": {"type": "base64", "value": "…"}}
{"instances": [{"b64": "…"}], "parameters": {"confidence": 0.3}}  # TensorFlow Serving
{"inputs": "…"}, {"inputs": {"image": "…"}}  # Hugging Face
{"image": "…", "prompts": [{"points": [{"x": 380, "y": 350, "positive": true}]}]}  # a promptable model
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from container.errors import BadRequest
from container.images.base import Limits, Pictures
from container.images.pixel_budget import PixelShare
from container.images.sources import DEFAULT_SOURCE, ENCODED, read_each, read_json
from container.protocols.sagemaker.messages import InvocationRequest
from container.structures import Prompt, prompts
from container.web.body import parse_json
from container.web.forms import MEDIA_TYPE, read_form

FORM, JSON = MEDIA_TYPE, "application/json"
_PICTURE = "image"
KEYS = (_PICTURE, "instances", "inputs")  # of a JSON body that hold pictures
_OPTIONS, _PROMPTS = "parameters", "prompts"
_DEPTH = 3  # objects in each other
PROMPTS_HINT = '{"image": …, "prompts": [{"points": [{"x": 380, "y": 350, "positive": true}]}]}'
_HINT = '{"image": {"type": "base64", "value": "…"}}'


def open_form(invocation: InvocationRequest) -> InvocationRequest:
    """Return the invocation with a form's file as its body, and the form's fields beside it.

    Raises BadRequest unless it has one file, for prompts that are none, and the errors of `read_form`.
    """
    form = read_form(invocation.body, invocation.content_type)
    if len(form.files) != 1:
        names = ", ".join(sorted(form.fields))[:100] or "none"
        seen = f"{len(form.files)} files" if form.files else f"no file; its fields: {names}"
        raise BadRequest(
            f"the form has {seen}", hint="send one picture a request as a file, as curl -F image=@photo.jpg does"
        )
    (file,) = form.files
    fields, asked = dict(form.fields), None
    if _PROMPTS in fields:
        try:
            asked = _prompts(parse_json(fields.pop(_PROMPTS).encode()))
        except (ValueError, RecursionError):
            raise BadRequest(f"the field `{_PROMPTS}` of the form is not JSON", hint=PROMPTS_HINT) from None
    return replace(invocation, body=file.data, content_type=file.media_type, fields=fields, prompts=asked)


def open_json(invocation: InvocationRequest) -> InvocationRequest:
    """Return the invocation with its parsed body, the options in it, and what is neither; as it is if that is no JSON.

    Raises BadRequest for `parameters` that are no object, prompts that are none, and two keys that hold pictures.
    """
    try:
        document = _parsed(invocation.body)
    except BadRequest:
        return invocation  # `read_document` raises it again, where a placeholder may be the answer
    options = document.get(_OPTIONS)
    options = {} if options is None else options
    if not isinstance(options, dict):
        raise BadRequest(f"`{_OPTIONS}` of the JSON body is no object", hint='such as {"confidence": 0.6}')
    key = _key(document)
    ignored = [name for name in document if name not in (key, _OPTIONS, _PROMPTS)]
    asked = _prompts(document[_PROMPTS]) if document.get(_PROMPTS) is not None else None
    if key != _PICTURE and isinstance(inputs := document.get(key), dict) and _PICTURE in inputs:
        ignored += [name for name in inputs if name != _PICTURE]
    return replace(invocation, document=document, parameters=options, prompts=asked, ignored=tuple(ignored))


def _prompts(value: object) -> list[Prompt]:
    try:
        return prompts.read(value)
    except ValueError as error:
        raise BadRequest(f"`{_PROMPTS}`: {error}", hint=PROMPTS_HINT) from None


def read_document(invocation: InvocationRequest, limits: Limits, share: PixelShare | None) -> Pictures:
    """Return the images of a JSON body, an array where `instances` or `inputs` are one.

    Raises BadRequest for other shapes, and the errors of `read_json` and `read_each`.
    """
    document = invocation.document or _parsed(invocation.body)
    key = _key(document)
    if not key:
        raise BadRequest(f"the JSON body has no key `{'`, `'.join(KEYS)}`", hint=_HINT)
    value = document[key]
    if key == _PICTURE:
        return read_json(value, limits, share)
    if isinstance(value, list):
        return read_each(value, lambda one, left: read_json(_in_array(one), left, share), limits)
    return read_json(_picture(value), limits, share)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = parse_json(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON", hint=_HINT) from None
    if not isinstance(document, dict):
        raise BadRequest(f"the JSON body has no key `{'`, `'.join(KEYS)}`", hint=_HINT)
    return document


def _key(document: Mapping[str, Any]) -> str:
    """Return the key that holds the pictures, "" if there is none; BadRequest if there are several."""
    found = [key for key in KEYS if key in document]
    if len(found) > 1:
        raise BadRequest(f"the JSON body has both `{'` and `'.join(found)}`; one of them is wanted")
    return "".join(found)


def _picture(value: Any) -> Any:
    """Return the picture of an instance: the member `image`, or the only one, as of {"image_bytes": {"b64": "…"}}."""
    for _ in range(_DEPTH):
        if not isinstance(value, dict) or ENCODED in value or "value" in value:
            break
        if _PICTURE in value:
            value = value[_PICTURE]
        elif len(value) == 1:
            (value,) = value.values()
    return value


def _in_array(value: Any) -> Any:
    """Return the picture of an instance; BadRequest for what is fetched, each of which may take its whole time."""
    picture = _picture(value)
    if isinstance(picture, dict) and picture.get("type", DEFAULT_SOURCE) != DEFAULT_SOURCE:
        raise BadRequest("pictures in an array are base64", hint="send one picture a request")
    return picture
