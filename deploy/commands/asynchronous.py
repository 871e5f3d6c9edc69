"""`async`: pictures to an asynchronous endpoint, and their answers when they are there.

Source: InvokeEndpointAsync's API reference; "Asynchronous inference" in the SageMaker developer guide.
"""

import hashlib
import time
from pathlib import Path, PurePosixPath
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from deploy import asking, options, pictures, places, recorder
from deploy.answers import Answers, ending_by_look, ending_of
from deploy.aws import Aws, pass_aws
from deploy.concurrency import Failure, report, run_all
from deploy.errors import DeployError
from deploy.ledger import Ledger, Submitted
from deploy.names import check
from deploy.pictures import OTHER, Picture
from deploy.runtime import SERVICE, Refused, error_text, one_line, refusal, retry_when_busy
from deploy.s3 import PLACE, Place

MAX_INLINE = 128_000  # bytes of a body that needs no object in S3
ENDINGS = tuple(ending_of(media_type) for media_type in asking.ACCEPTS.values())

_output = click.option("--output", type=click.Path(file_okay=False, path_type=Path), default="output", help="Folder.")


@click.group(name="async")
def command() -> None:
    """Pictures that may wait for their answers."""


@command.command()
@options.name
@click.argument("images", nargs=-1, required=True)
@options.question
@options.bucket()
@click.option("--upload", type=PLACE, help=f"S3 folder for pictures over {MAX_INLINE:,} bytes; else one in --bucket.")
@click.option("--ttl", type=click.IntRange(60, 21600), help="Seconds that a picture may wait in the queue.")
@click.option("--timeout", type=click.IntRange(1, 3600), help="Seconds that the model may take for a picture.")
@_output
@click.option("--overwrite", is_flag=True, help="Send again what was sent before.")
@options.concurrency
@options.changing
def submit(
    aws: Aws,
    name: str,
    images: tuple[str, ...],
    response_type: str,
    confidence: float | None,
    masks: str | None,
    attributes: str,
    bucket: str | None,
    upload: Place | None,
    ttl: int | None,
    timeout: int | None,
    output: Path,
    overwrite: bool,
    concurrency: int,
) -> None:
    """Send IMAGES: files, folders, s3://bucket/prefix. What was sent is noted in --output, and not sent again.

    Objects in S3 are named to the endpoint and not read here; its role must be allowed to read them.
    """
    given = {
        "EndpointName": name,
        "Accept": asking.ACCEPTS[response_type],
        "CustomAttributes": asking.attributes(attributes, confidence=confidence, masks=masks),
        "RequestTTLSeconds": ttl,
        "InvocationTimeoutSeconds": timeout,
    }
    arguments = {key: value for key, value in given.items() if value}
    check(SERVICE, "InvokeEndpointAsync", {**arguments, "ContentType": OTHER})
    if bucket and not upload:
        upload = places.place(bucket, name, "input")
    found = pictures.find(aws, images)
    ledger, answers = Ledger(output), Answers(output)
    before = ledger.entries()
    missing = [picture for picture in found if overwrite or picture.name not in before]
    too_large = [one.where for one in missing if not upload and not one.in_s3 and one.size > MAX_INLINE]
    if too_large:
        raise click.UsageError(f"over {MAX_INLINE:,} bytes, give --bucket or --upload: {', '.join(too_large)}")
    if aws.dry_run:
        for picture in missing:
            _show(arguments, picture, upload)
        return
    runtime, s3 = aws.client(SERVICE), aws.client("s3")
    retry_when_busy(runtime)

    def send(picture: Picture) -> None:
        answers.path(picture.name, "")  # refuses a name before anything is sent
        try:
            body = _body(s3, picture, upload)
            said = runtime.invoke_endpoint_async(**arguments, ContentType=picture.content_type, **body)
        except (BotoCoreError, ClientError, OSError) as error:
            raise refusal(error) from None
        answers.remove(picture.name, *ENDINGS)
        failure, number = said.get("FailureLocation", ""), said.get("InferenceId", "")
        ledger.add(Submitted(picture.name, picture.where, said["OutputLocation"], failure, number))

    try:
        failures = run_all(missing, send, lambda picture: picture.where, concurrency, "sending")
    except Refused as error:
        raise DeployError(str(error)) from None
    kept = len(found) - len(missing)
    done = f"{len(found) - len(failures)} of {len(found)} sent" + (f", {kept} of them before" if kept else "")
    report(failures, f"{done}; `async fetch --output {output}` brings the answers")


@command.command()
@_output
@options.wait
@click.option("--timeout", type=click.IntRange(1), default=3600, help="Seconds to wait at most.")
@options.concurrency
@pass_aws
def fetch(aws: Aws, output: Path, wait: bool, timeout: int, concurrency: int) -> None:
    """Bring the answers to what was sent here; exit code 1 where one failed or is still awaited."""
    answers, entries = Answers(output), Ledger(output).entries()
    if not entries:
        raise click.UsageError(f"nothing was sent with --output {output}")
    s3, started, failures = aws.client("s3"), time.monotonic(), list[Failure]()

    def bring(entry: Submitted) -> None:
        data = _read(aws, s3, entry.output)
        if data is not None:
            answers.write(entry.name, ending_by_look(data), data)
        elif entry.failure and (error := _read(aws, s3, entry.failure)) is not None:
            raise Refused(error_text(error) or one_line(error.decode("utf-8", "replace")))

    awaited = [entry for entry in entries.values() if not answers.has(entry.name, *ENDINGS)]
    while True:
        try:
            failures += run_all(awaited, bring, lambda entry: entry.where, concurrency, "looking")
        except Refused as error:
            raise DeployError(str(error)) from None
        failed = {failure.where for failure in failures}
        awaited = [e for e in awaited if e.where not in failed and not answers.has(e.name, *ENDINGS)]
        if not awaited or not wait or time.monotonic() - started + aws.poll > timeout:
            break
        aws.say(f"{len(awaited)} of {len(entries)} are awaited, after {time.monotonic() - started:.0f} s")
        time.sleep(aws.poll)
    failures += [Failure(entry.where, "is still awaited") for entry in awaited]
    report(failures, f"{len(entries) - len(failures)} of {len(entries)} answered, in {output}/")


def _body(s3: Any, picture: Picture, upload: Place | None) -> dict[str, Any]:
    """The picture itself, or where it is in S3; a large one is put there first, under a name made of its bytes."""
    if picture.in_s3:
        return {"InputLocation": picture.where}
    data = picture.read()
    if len(data) <= MAX_INLINE:
        return {"Body": data}
    place = _uploaded(upload, picture, hashlib.sha256(data).hexdigest()[:32])
    s3.put_object(Bucket=place.bucket, Key=place.key, Body=data, ContentType=picture.content_type)
    return {"InputLocation": str(place)}


def _uploaded(upload: Place | None, picture: Picture, digest: str) -> Place:
    if upload is None:
        raise Refused(f"it has grown over {MAX_INLINE:,} bytes")
    return upload.below(digest + PurePosixPath(picture.name).suffix.lower())


def _read(aws: Aws, s3: Any, address: str) -> bytes | None:
    """The bytes of an object, None where it is not there yet; Refused where it cannot be read."""
    try:
        place = Place.parse(address)
        found = aws.find(s3.get_object, Bucket=place.bucket, Key=place.key)
        if found is None:
            return None
        with found["Body"] as body:
            return bytes(body.read())
    except (BotoCoreError, ClientError) as error:
        raise refusal(error) from None
    except ValueError as error:
        raise Refused(str(error)) from None


def _show(arguments: dict[str, Any], picture: Picture, upload: Place | None) -> None:
    """--dry-run: the calls with names for bytes."""
    body: dict[str, Any] = {"InputLocation": picture.where}
    if not picture.in_s3:
        body = {"Body": f"({picture.where}, {picture.size} bytes)"}
        if picture.size > MAX_INLINE:
            place = _uploaded(upload, picture, "(hash)")
            put = {"Bucket": place.bucket, "Key": place.key, **body, "ContentType": picture.content_type}
            click.echo(recorder.line("s3", "PutObject", put))
            body = {"InputLocation": str(place)}
    click.echo(
        recorder.line(SERVICE, "InvokeEndpointAsync", {**arguments, "ContentType": picture.content_type, **body})
    )
