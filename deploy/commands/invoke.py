"""`invoke`: pictures to an endpoint, answers to files; what was answered before is not asked again."""

from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import click

from deploy import asking, options, pictures, recorder
from deploy.answers import Answers, ending_of
from deploy.asking import NEW_SESSION, Question
from deploy.aws import Aws
from deploy.concurrency import report, run_all
from deploy.errors import DeployError
from deploy.names import Shaped, check
from deploy.pictures import OTHER, Picture
from deploy.runtime import SERVICE, Refused, retry_when_busy

# Sessions in SageMaker's own words: the picture is the session's, or the session ends.
_AGAIN = Picture("session", "the session's picture", OTHER, 0, bytes)
_CLOSE = Picture("session", "the end of the session", "application/json", 24, lambda: b'{"requestType": "CLOSE"}')


@click.command(name="invoke")
@options.name
@click.argument("images", nargs=-1)
@options.question
@click.option("--target-model", type=Shaped(SERVICE, "TargetModelHeader"), help="Of a multi-model endpoint: x.tar.gz.")
@click.option("--target-variant", type=Shaped(SERVICE, "TargetVariantHeader"), help="One variant of the endpoint.")
@click.option("--component", type=Shaped(SERVICE, "InferenceComponentHeader"), help="One inference component.")
@click.option("--session", type=Shaped(SERVICE, "SessionIdOrNewSessionConstantHeader"), help="NEW_SESSION, or its id.")
@click.option("--close", is_flag=True, help="End the --session.")
@click.option("--stream", is_flag=True, help="One detection a line, as it is found.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for answers.  [default: output]"
)
@click.option("--overwrite", is_flag=True, help="Ask again where there is an answer.")
@options.concurrency
@options.changing
def command(
    aws: Aws,
    name: str,
    images: tuple[str, ...],
    response_type: str,
    confidence: float | None,
    masks: str | None,
    attributes: str,
    target_model: str | None,
    target_variant: str | None,
    component: str | None,
    session: str | None,
    close: bool,
    stream: bool,
    output: Path | None,
    overwrite: bool,
    concurrency: int,
) -> None:
    """Ask an endpoint about IMAGES.

    IMAGES are files, folders or s3://bucket/prefix. The answer for a.jpg is a.jpg.json (or .jpg, .png, .jsonl) in
    --output; JSON about a single picture goes to standard output where no --output is given. An answer that exists is
    kept, so that a run that was cut short goes on where it was. Exit code 1 where a picture failed.
    """
    if session == NEW_SESSION and (stream or len(images) != 1):
        raise click.UsageError("a new session takes one picture, and no --stream")
    if not images and not session:
        raise click.UsageError("which pictures? Only a --session has one already")
    if close and (images or stream or session in (None, NEW_SESSION)):
        raise click.UsageError("--close takes the id of a --session, and nothing else")
    if stream and response_type != "json":
        raise click.UsageError("--stream gives lines of JSON, and no pictures")
    given = {
        "EndpointName": name,
        "Accept": asking.LINES if stream else asking.ACCEPTS[response_type],
        "CustomAttributes": asking.attributes(attributes, confidence=confidence, masks=masks),
        "TargetModel": target_model,
        "TargetVariant": target_variant,
        "InferenceComponentName": component,
        "SessionId": session,
    }
    question = Question({key: value for key, value in given.items() if value}, stream)
    check(SERVICE, question.operation, question.call(b"", OTHER))
    found = pictures.find(aws, images) if images else [_CLOSE if close else _AGAIN]
    named = not images or found[0].where in (images[0], str(Path(images[0])))
    shown = output is None and response_type == "json" and len(found) == 1 and named
    answers, ending = Answers(output or Path("output")), ending_of(question.arguments["Accept"])
    keeps = bool(images) and not shown and not overwrite  # what a session's picture is asked changes every time
    missing = [one for one in found if not keeps or not answers.has(one.name, ending)]
    if aws.dry_run:
        for picture in missing:
            body = f"({picture.where}, {picture.size} bytes)"
            click.echo(recorder.line(SERVICE, question.operation, question.call(body, picture.content_type)))
        return
    runtime = aws.client(SERVICE)
    retry_when_busy(runtime)
    try:
        if shown:
            _print(aws, runtime, question, found[0])
            return
        failures = run_all(
            missing, partial(_write, aws, runtime, question, answers), attrgetter("where"), concurrency, "asking"
        )
    except Refused as error:
        raise DeployError(str(error)) from None
    done = f"{len(found) - len(failures)} of {len(found)} answered, in {answers.folder}/"
    before = len(found) - len(missing)
    report(failures, done + (f", {before} of them before" if before else ""))


def _print(aws: Aws, runtime: Any, question: Question, picture: Picture) -> None:
    """The answer to standard output, what else came with it to standard error."""
    if question.stream:
        for line in question.follow(runtime, picture):
            click.echo(line)
        return
    answer = question.ask(runtime, picture)
    if answer.session:
        aws.say(f"session: {answer.session}")
    if answer.facts not in ("", "{}"):
        aws.say(answer.facts)
    click.echo(answer.data.rstrip())


def _write(aws: Aws, runtime: Any, question: Question, answers: Answers, picture: Picture) -> None:
    """The answer to a file."""
    answers.path(picture.name, "")  # refuses a name before anything is asked about it
    answer = question.ask(runtime, picture)
    answers.write(picture.name, ending_of(answer.media_type), answer.data)
    if answer.session:
        aws.say(f"session: {answer.session}")
