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
from container.structures import Options

HEADER = "X-Amzn-SageMaker-Session-Id"
NEW = "NEW_SESSION"
NEW_ID, CLOSED_ID = "X-Amzn-SageMaker-New-Session-Id", "X-Amzn-SageMaker-Closed-Session-Id"
_CLOSE = {"requestType": "CLOSE"}


def closed(invocation: InvocationRequest, sessions: Sessions) -> InvocationResponse | None:
    """The response to a request that closes its session."""
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
    """`invocation` with the picture of its session where it brings none, and its upload where nothing has to be asked:
    the same model has answered the same options.
    """
    if invocation.session in ("", NEW):
        return invocation, None
    upload = sessions.get(invocation.session)
    if invocation.body:
        return invocation, None
    known = (upload.model, upload.options) == (model, options)
    return replace(invocation, body=upload.body, content_type=upload.content_type), upload if known else None


def keep(session: str, upload: Upload, sessions: Sessions) -> dict[str, str]:
    """Keep the picture of an answered request for the next ones of its session; headers that say so."""
    if session != NEW:
        sessions.replace(session, upload)
        return {}
    opened = sessions.open(upload)
    # A date for people and clients; the session itself ends by a clock that nobody sets.
    end = time.gmtime(calendar.timegm(time.gmtime()) + int(sessions.seconds))
    return {NEW_ID: f"{opened}; Expires={time.strftime('%Y-%m-%dT%H:%M:%SZ', end)}"}
