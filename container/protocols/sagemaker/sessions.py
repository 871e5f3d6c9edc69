"""Sticky sessions through SageMaker's headers: a client uploads an image once, and later requests reuse it.

X-Amzn-SageMaker-Session-Id is NEW_SESSION in the request with the image, and the returned id in later ones without an
image. The container defines how to close a session; as in AWS's own containers, the body is {"requestType": "CLOSE"}.
Source: docs.aws.amazon.com/sagemaker/latest/dg/stateful-sessions.html; NewSessionResponseHeader of botocore's model.
"""

import calendar
import json
import time
from dataclasses import replace

from container.protocols.sagemaker.messages import InvocationRequest, InvocationResponse
from container.service.sessions import Sessions, Upload
from container.structures import Options

HEADER = "X-Amzn-SageMaker-Session-Id"
NEW = "NEW_SESSION"
NEW_ID, CLOSED_ID = "X-Amzn-SageMaker-New-Session-Id", "X-Amzn-SageMaker-Closed-Session-Id"
_CLOSE = {"requestType": "CLOSE"}


def closed(invocation: InvocationRequest, sessions: Sessions) -> InvocationResponse | None:
    """Close the session if the request asks for it and return the response, else None.

    Raises BadRequest for an unknown session.
    """
    if invocation.session in ("", NEW) or len(invocation.body) > 100:
        return None
    try:
        closes = json.loads(invocation.body) == _CLOSE
    except ValueError:
        return None
    if not closes:
        return None
    sessions.close(invocation.session)
    body = json.dumps({"closed": invocation.session}).encode()
    return InvocationResponse(body, "application/json", headers={CLOSED_ID: invocation.session})


def recalled(
    invocation: InvocationRequest, model: str, options: Options, sessions: Sessions
) -> tuple[InvocationRequest, Upload | None]:
    """Return the invocation, with the stored body of its session if it has none, and the session's upload or None.

    The upload is returned if its predictions can be reused: they are of the same model and the same options. Raises
    BadRequest for an unknown session.
    """
    if invocation.session in ("", NEW):
        return invocation, None
    upload = sessions.get(invocation.session)
    if invocation.body:
        return invocation, None
    known = (upload.model, upload.options) == (model, options)
    return replace(invocation, body=upload.body, content_type=upload.content_type), upload if known else None


def keep(session: str, upload: Upload, sessions: Sessions) -> dict[str, str]:
    """Store the image of a successful request in its session; return the response headers of a new session."""
    if session != NEW:
        sessions.replace(session, upload)
        return {}
    opened = sessions.open(upload)
    # This date is informative; the session itself expires by the monotonic clock.
    end = time.gmtime(calendar.timegm(time.gmtime()) + int(sessions.seconds))
    return {NEW_ID: f"{opened}; Expires={time.strftime('%Y-%m-%dT%H:%M:%SZ', end)}"}
