"""serve | predict."""

import logging
import sys
from pathlib import Path
from typing import Any

import click

from container.cli.options import RequestCommand, model_options, read_settings, show_log


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
@click.option("--attributes", default="", help='What a request may ask, as JSON: {"confidence": 0.3, "masks": "rle"}.')
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for the answers, one file a picture."
)
def predict(images: tuple[Path, ...], form: str, attributes: str, output: Path | None, **given: Any) -> None:
    """Predict pictures without a server: JSON to standard output, or one file a picture into --output."""
    from container.errors import ModelError, ServingError
    from container.formats import formats
    from container.predict import Predictor
    from container.structures.options import Appearance, Options, declared

    names = {*declared(Options), *declared(Appearance)}
    asked = {name: value for name, value in given.items() if name in names and value is not None}
    settings = read_settings(**{name: value for name, value in given.items() if name not in names})
    if output is None and not formats[form].text:
        output = Path("output")
    stems = [path.stem for path in images]
    if output is not None and len(set(stems)) < len(stems):
        raise click.UsageError("two pictures have the same name but for folder or ending: one answer would be lost")
    show_log(logging.WARNING)
    try:
        predictor = Predictor(settings, form, attributes, **asked)
    except (ModelError, ServingError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    failed = 0
    with click.progressbar(images, label="predicting", file=sys.stderr) as bar:
        for path in bar:
            try:
                answer = predictor.predict(path.read_bytes())
            except ServingError as error:
                click.echo(f"{path}: {error.message}" + (f" ({error.hint})" if error.hint else ""), err=True)
                failed += 1
                continue
            if output is None:
                click.echo(answer, nl=not answer.endswith(b"\n"))
            else:
                output.mkdir(parents=True, exist_ok=True)
                (output / f"{path.stem}{formats[form].suffix}").write_bytes(answer)
    if output is not None:
        click.echo(f"{len(images) - failed} answers in {output}/", err=True)
    sys.exit(1 if failed else 0)
