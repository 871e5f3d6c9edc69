"""Sticky sessions in SageMaker's headers: a picture is sent once, and asked about again without it.

X-Amzn-SageMaker-Session-Id is NEW_SESSION with the picture, then the id that came back, without one. How a session is
closed is the container's to say; as in AWS's own containers it is the body {"requestType": "CLOSE"}.
Source: docs.aws.amazon.com/sagemaker/latest/dg/stateful-sessions.html; NewSessionResponseHeader of botocore's model.
"""

import calendar
import json
import time
from dataclasses import replace

from container.protocols.sagemaker.messages import InvocationRequest, InvocationResponse
from container.service.sessions import Sessions, Upload

HEADER = "X-Amzn-SageMaker-Session-Id"
NEW = "NEW_SESSION"
NEW_ID, CLOSED_ID = "X-Amzn-SageMaker-New-Session-Id", "X-Amzn-SageMaker-Closed-Session-Id"
_CLOSE = {"requestType": "CLOSE"}


def closed(asked: InvocationRequest, sessions: Sessions) -> InvocationResponse | None:
    """The response to a request that closes its session."""
    if asked.session in ("", NEW) or len(asked.body) > 100:
        return None
    try:
        closes = json.loads(asked.body) == _CLOSE
    except ValueError:
        return None
    if not closes:
        return None
    sessions.close(asked.session)
    body = json.dumps({"closed": asked.session}).encode()
    return InvocationResponse(body, "application/json", headers={CLOSED_ID: asked.session})


def recalled(asked: InvocationRequest, sessions: Sessions) -> tuple[InvocationRequest, Upload | None]:
    """`asked` with the picture of its session where it brings none, and the upload that this picture is of."""
    if asked.session in ("", NEW):
        return asked, None
    upload = sessions.get(asked.session)
    if asked.body:
        return asked, None
    return replace(asked, body=upload.body, content_type=upload.content_type), upload


def keep(session: str, upload: Upload, sessions: Sessions) -> dict[str, str]:
    """Keep the picture of an answered request for the next ones of its session; headers that say so."""
    if session != NEW:
        sessions.replace(session, upload)
        return {}
    opened = sessions.open(upload)
    # A date for people and clients; the session itself ends by a clock that nobody sets.
    end = time.gmtime(calendar.timegm(time.gmtime()) + int(sessions.seconds))
    return {NEW_ID: f"{opened}; Expires={time.strftime('%Y-%m-%dT%H:%M:%SZ', end)}"}
