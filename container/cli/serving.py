"""serve | predict."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from container.cli.options import (
    RequestCommand,
    json_object,
    make_folder,
    model_options,
    read_prompt,
    read_settings,
    show_log,
    terminable,
)

if TYPE_CHECKING:
    from container.predict import Predictor


@click.command()
@model_options
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def serve(**given: Any) -> None:
    """Serve a model on SageMaker's contract: GET /ping, POST /invocations. This process becomes gunicorn's master."""
    settings = read_settings(**given)
    from container.server.application import Application

    Application(settings).run()


@click.command(cls=RequestCommand)
@model_options
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--attributes", default="{}", help='What a request may ask, as JSON: {"confidence": 0.3, "masks": "rle"}.'
)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for the answers, one file a picture."
)
@click.option(
    "--points", help='For a promptable model: X,Y of points on the object, X,Y,0 beside it: "380,350 80,300,0".'
)
@click.option("--box", help='For a promptable model: a box around the object, "X1,Y1,X2,Y2".')
def predict(
    images: tuple[Path, ...],
    form: str | None,
    attributes: str,
    output: Path | None,
    points: str | None,
    box: str | None,
    **given: Any,
) -> None:
    """Predict pictures without a server: JSON to standard output, or one file a picture into --output.

    Of several pictures every line on standard output says its `file`; of one that fails, also its `error`.
    With a prompt the mask is drawn, `--model ocr` prints text, and CLIP writes .npy, unless --format says otherwise.
    """
    from container.errors import BadRequest, ModelError, NotAcceptable, ServingError
    from container.predict import Predictor, choose
    from container.structures.options import Appearance, Options, declared

    names = {*declared(Options), *declared(Appearance)}
    asked = {name: value for name, value in given.items() if name in names and value is not None}
    settings = read_settings(**{name: value for name, value in given.items() if name not in names})
    json_object("--attributes", attributes)
    prompt = read_prompt(points, box)
    try:
        choice = choose(settings, form, attributes, asked)
    except (BadRequest, NotAcceptable, ValueError) as error:
        raise click.UsageError(str(error)) from None
    if output is not None:
        make_folder(output)
    show_log(logging.WARNING)
    try:
        predictor = Predictor(settings, choice, prompt)
    except BadRequest as error:
        raise click.UsageError("; ".join(filter(None, (error.message, error.hint)))) from None
    except (ModelError, ServingError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if output is None and not predictor.prints:
        make_folder(output := Path("output"))
    targets = [] if output is None else _targets(images, output, predictor)
    failed = 0
    shown = click.progressbar(images, label="predicting", file=sys.stderr, hidden=not sys.stderr.isatty())
    with terminable(), shown as bar:
        for number, path in enumerate(bar):
            try:
                answer = predictor.predict(path.read_bytes())
            except (ServingError, OSError) as error:
                failed += 1
                _say(path, error, line=not targets and len(images) > 1)
                continue
            if targets:
                _write(targets[number], answer)
            elif len(images) == 1:
                click.echo(answer, nl=not answer.endswith(b"\n"))
            else:
                click.echo(_named(answer, path, predictor.is_plain), nl=False)
    predictor.close()
    if output is not None:
        click.echo(f"{len(images) - failed} answers in {output}/", err=True)
    sys.exit(1 if failed else 0)


def _targets(images: tuple[Path, ...], folder: Path, predictor: "Predictor") -> list[Path]:
    """Return the file of each answer in `folder`; UsageError where two are the same, or one is a picture."""
    targets = [folder / f"{path.stem}{predictor.suffix}" for path in images]
    pictures, reason = {path.resolve() for path in images}, ""
    if len(set(targets)) < len(images):
        reason = "two pictures have the same name but for folder or ending: one answer would be lost"
    elif lost := next((target for target in targets if target.resolve() in pictures), None):
        reason = f"the answer {lost} would replace a picture: name another folder by --output"
    if reason:
        predictor.close()
        raise click.UsageError(reason)
    return targets


def _write(target: Path, answer: bytes) -> None:
    """Write a file that is there whole or not at all, whatever ends this process."""
    part = target.with_name(f".{os.getpid()}.part")
    try:
        part.write_bytes(answer)
        part.replace(target)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _named(answer: bytes, path: Path, plain: bool) -> bytes:
    """Return the lines of an answer in JSON with the name of their file; what is no object becomes its `answer`.

    Lines of plain text have the name and a colon before them.
    """
    if plain:
        return b"".join(f"{path}: ".encode(errors="replace") + line for line in answer.splitlines(keepends=True))
    begin = b'{"file":' + json.dumps(str(path)).encode() + b","
    lines = (line[1:] if line.startswith(b'{"') else b'"answer":' + line + b"}" for line in answer.splitlines())
    return b"".join(begin + line + b"\n" for line in lines)


def _say(path: Path, error: Exception, line: bool) -> None:
    """Say why a picture has no answer: on standard error, and as a line of JSON in the place of its answer."""
    code = getattr(error, "code", "unreadable")
    message = getattr(error, "message", f"the file cannot be read: {getattr(error, 'strerror', '')}")
    hint = getattr(error, "hint", "")
    click.echo(f"{path}: {message}" + (f" ({hint})" if hint else ""), err=True)
    if line:
        said = {"file": str(path), "error": {"code": code, "message": message, "hint": hint}}
        click.echo(json.dumps(said, separators=(",", ":")))
