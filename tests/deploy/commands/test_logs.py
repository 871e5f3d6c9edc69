"""`logs`: whose, since when, in which form, every event once."""

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from deploy.aws import Aws
from deploy.commands import logs
from tests.deploy.conftest import REGION, run

NOW = 1_767_225_600_000  # 2026-01-01 00:00:00 UTC
RECORD = {"time": "t", "level": "INFO", "logger": "l", "message": "request", "status": 200, "path": "/invocations"}
Write = Callable[..., None]


@pytest.fixture
def write(mocked: None) -> Write:
    """Write messages to a stream, the last of them now, each a second after the one before."""
    client = boto3.client("logs", region_name=REGION)

    def to(group: str, stream: str, *messages: str, ago: int = 0) -> None:
        if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            client.create_log_group(logGroupName=group)
        if not client.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
            client.create_log_stream(logGroupName=group, logStreamName=stream)
        last = int(time.time() * 1000) - ago * 1000
        events = [{"timestamp": last - 1000 * i, "message": text} for i, text in enumerate(reversed(messages))]
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events[::-1])

    return to


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (json.dumps(RECORD), "01-01 00:00:00 INFO    request status=200 path=/invocations"),
        (
            json.dumps({"level": "ERROR", "message": "m", "error": "E: x", "traceback": "File a\n  b"}),
            "01-01 00:00:00 ERROR   m error=E: x\n    File a\n      b",
        ),
        ("plain\n", "01-01 00:00:00 plain"),
        ('{"message": "no level"}', '01-01 00:00:00 {"message": "no level"}'),
        ("[1]", "01-01 00:00:00 [1]"),
        ("\x1b[31mred", "01-01 00:00:00  [31mred"),
    ],
)
def test_lines(message: str, expected: str) -> None:
    assert logs.line({"timestamp": NOW, "message": message}) == expected


@pytest.mark.parametrize(
    ("args", "where"),
    [
        (["--name", "horses"], {"logGroupName": "/aws/sagemaker/Endpoints/horses"}),
        (["--component", "c"], {"logGroupName": "/aws/sagemaker/InferenceComponents/c"}),
        (["--job", "j"], {"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamNamePrefix": "j/"}),
    ],
)
def test_whose(args: list[str], where: dict[str, str]) -> None:
    aws, asked = answering([], None)
    run("logs", *args, "--since", "2026-01-01T00:00", aws=aws)
    assert asked == [{**where, "startTime": NOW}]


def test_since_and_filter(write: Write) -> None:
    write("/aws/sagemaker/Endpoints/horses", "s", "an hour ago, ERROR", ago=3600)
    write("/aws/sagemaker/Endpoints/horses", "s", "INFO now", "ERROR now")
    logs = ("logs", "--name", "horses", "--raw")
    assert run(*logs, "--since", "30m").stdout == "INFO now\nERROR now\n"
    assert run(*logs, "--since", "2h", "--filter", "ERROR").stdout == "an hour ago, ERROR\nERROR now\n"
    assert run(*logs, "--since", "2020-01-01").stdout.count("\n") == 3


def test_follow_says_everything_once(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("/aws/sagemaker/Endpoints/horses", "s", "one")
    late = iter(["two", "three"])

    def more(_: float) -> None:
        text = next(late, None)
        if text is None:
            raise KeyboardInterrupt
        write("/aws/sagemaker/Endpoints/horses", "t", text, ago=10)  # later than it was written

    monkeypatch.setattr(logs.time, "sleep", more)
    assert run("logs", "--name", "horses", "--raw", "--follow").stdout == "one\ntwo\nthree\n"


def test_all_pages_are_read() -> None:
    aws, asked = answering([1, 2], "more", [3], None)
    assert run("logs", "--name", "horses", "--raw", aws=aws).stdout == "m1\nm2\nm3\n"
    assert [one.get("nextToken") for one in asked] == [None, "more"]


def answering(*pages: Any) -> tuple[Aws, list[Any]]:
    """CloudWatch with these pages, numbers of events and a token each, and what it was asked: moto has one page."""
    aws, asked, rest = Aws(region=REGION), list[Any](), iter(pages)

    def answer(model: Any, context: Any, params: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        asked.append(json.loads(params["body"]))
        events = [{"eventId": str(n), "timestamp": NOW, "message": f"m{n}"} for n in next(rest)]
        token = next(rest)
        return _Ok(), {"events": events, **({"nextToken": token} if token else {})}

    aws.client("logs").meta.events.register("before-call.logs.FilterLogEvents", answer)
    return aws, asked


class _Ok:
    status_code = 200


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        ([], 2, "whose logs?"),
        (["--name", "a b"], 2, "does not match"),
        (["--name", "horses", "--since", "yesterday"], 2, "is neither a time nor a span"),
        (["--name", "horses"], 1, "log group /aws/sagemaker/Endpoints/horses does not exist yet"),
    ],
)
def test_mistakes(mocked: None, args: list[str], code: int, problem: str) -> None:
    assert problem in run("logs", *args, code=code).output
