"""The command line: serve | check | predict | train | evaluate | pack | models.

Each command imports what it needs, so that `serve` opens its port before numpy, OpenCV or torch are read from disk.
"""

import logging
import os
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click

from container import cores
from container.settings import PREFIX, Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Serve image segmentation models: a picture in; labels, boxes, masks or a rendered picture out."""


def _model_options(command: Any) -> Any:
    """The options that choose a model and where it runs; each stands for the setting of the same name."""
    for option in (
        click.option("--model", help="`default`, an architecture's name, a folder or a model.tar.gz."),
        click.option("--weights", help="For an architecture: a weights file, or a name such as COCO_V1."),
        click.option("--labels", help="For a weights file: class names, separated by commas."),
        click.option("--device", help="auto, cpu, cuda or cuda:N."),
        click.option("--precision", help="fp32, bf16 or fp16."),
        click.option("--backend", help="On a CPU: auto, openvino or torch."),
    ):
        command = option(command)
    return command


def _settings(**given: object) -> Settings:
    """The settings of the environment, with what the command line says put over them."""
    for name, value in given.items():
        if value is not None:
            os.environ["SAGEMAKER_BIND_TO_PORT" if name == "port" else PREFIX + name.upper()] = str(value)
    try:
        return Settings.from_environ(os.environ)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@main.command()
@_model_options
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on.")
def serve(**given: Any) -> None:
    """Serve a model on SageMaker's contract: GET /ping, POST /invocations. This process becomes gunicorn's master."""
    _settings(**given)
    from gunicorn.app.wsgiapp import run

    sys.argv = ["gunicorn", "--config", "python:container.gunicorn_conf", "container.wsgi:app"]
    run(prog="gunicorn")


@main.command()
@click.argument("url", required=False, default="")
@click.option("--image", default="", help="An image that Docker or Podman has; it is run for the check.")
@click.option("--pid", type=click.IntRange(min=2), help="Process of the server at URL, which may then be stopped.")
@click.option(
    "--model-data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The image's /opt/ml/model."
)
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment of the image's containers.")
@click.option("--header", multiple=True, metavar="'NAME: VALUE'", help="Sent with every request, such as an API key.")
@click.option("--endpoint", default="check", show_default=True, help="NAME in /endpoints/NAME/invocations.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, help="Clients at once.")
@click.option(
    "--start-seconds",
    type=float,
    default=480.0,
    show_default=True,
    help="How long a start may take; 480 is SageMaker's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(
    url: str,
    image: str,
    pid: int | None,
    model_data: Path | None,
    env: tuple[str, ...],
    header: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Ask a server, or an image, everything that SageMaker asks of a container; exit code 1 where it fails.

    URL is any server's address, such as http://127.0.0.1:8080. Without URL and --image, `serve` is started with the
    settings of the environment, checked and stopped.
    """
    from container.check import command, report
    from container.check.engine import Unavailable
    from container.check.findings import Finding, Outcome

    if url and image or pid and not url:
        raise click.UsageError("give URL or --image, and --pid only with URL")
    if any(":" not in one for one in header):
        raise click.UsageError("--header takes 'NAME: VALUE'")
    headers = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in header)}
    if not url and not image:
        headers, given["endpoint"] = _of_own_server(headers, given["endpoint"])
    request = command.Request(url, image, pid, model_data, env, headers, **given)
    findings: list[Finding] = []
    if not as_json:
        click.echo(report.HEADING)
    try:
        for finding in command.run(request):
            findings.append(finding)
            if not as_json:
                click.echo(report.row(finding))
    except (ValueError, Unavailable, RuntimeError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(report.as_json(findings) if as_json else report.summary(findings))
    sys.exit(any(finding.outcome is Outcome.FAILED for finding in findings))


def _of_own_server(headers: dict[str, str], endpoint: str) -> tuple[dict[str, str], str]:
    """The headers and the endpoint's name that the settings of the environment ask for."""
    from container.settings import comma_list

    settings = _settings()
    if settings.multi_model:
        raise click.UsageError("the check knows servers of one model, and SAGEMAKER_MULTI_MODEL is set")
    key, name = comma_list(settings.api_key)[:1], comma_list(settings.endpoint_names)[:1]
    return {**({"Authorization": f"Bearer {key[0]}"} if key else {}), **headers}, name[0] if name else endpoint


@main.command()
@_model_options
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["json", "png", "jpeg", "clarify"]), default="json", show_default=True
)
@click.option("--attributes", default="", help='What a request may ask, as JSON: {"confidence": 0.3, "masks": "rle"}.')
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Folder for the answers, one file a picture."
)
def predict(images: tuple[Path, ...], form: str, attributes: str, output: Path | None, **given: Any) -> None:
    """Predict pictures without a server: JSON to standard output, or one file a picture into --output."""
    from container.errors import ModelError, ServingError
    from container.predict import Predictor

    settings = _settings(**given)
    if output is None and form in ("png", "jpeg"):
        output = Path("output")
    stems = [path.stem for path in images]
    if output is not None and len(set(stems)) < len(stems):
        raise click.UsageError("two pictures have the same name but for folder or ending: one answer would be lost")
    logging.getLogger("container").addHandler(logging.NullHandler())  # what goes wrong is said once, below
    try:
        predictor = Predictor(settings, form, attributes)
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
                click.echo(answer)
            else:
                output.mkdir(parents=True, exist_ok=True)
                (output / f"{path.stem}.{'json' if form == 'clarify' else form}").write_bytes(answer)
    if output is not None:
        click.echo(f"{len(images) - failed} answers in {output}/", err=True)
    sys.exit(1 if failed else 0)


@main.command()
@click.option("--architecture", required=True, help="A name of `python -m container models`.")
@click.option("--weights", required=True, help="A weights file, or a name such as COCO_V1.")
@click.option("--labels", default="", help="Class names, separated by commas, or a file with one a line.")
@click.option("--name", help="What answers call the model; the architecture's name where it is not given.")
@click.option("--parameters", default="{}", help='For the builder, as JSON: {"min_size": 640}.')
@click.option("--options", default="{}", help='The model\'s own defaults, as JSON: {"confidence": 0.6}.')
@click.option("--batch-norm-eps", type=float, help="Epsilon of all batch norms, where the weights need another one.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default="model.tar.gz", show_default=True)
def pack(
    architecture: str,
    weights: str,
    labels: str,
    name: str | None,
    parameters: str,
    options: str,
    batch_norm_eps: float | None,
    output: Path,
) -> None:
    """Put a model into a model.tar.gz that SageMaker, or `serve --model`, takes; its weights are tried on the way."""
    from container.errors import ModelError
    from container.models import artifact, loading, locate
    from container.structures import ModelSpec

    spec = ModelSpec(
        name=name or architecture,
        architecture=architecture,
        weights=locate.weights_source(weights),
        labels=_names(labels),
        parameters=_json_object("--parameters", parameters),
        batch_norm_eps=batch_norm_eps,
    )
    try:
        spec = artifact.with_options(spec, _json_object("--options", options))
        output.parent.mkdir(parents=True, exist_ok=True)
        packed = loading.pack(spec, output)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{output}: {packed.name}, {len(packed.labels)} classes, {output.stat().st_size / 1e6:.1f} MB")


def _names(labels: str) -> tuple[str, ...]:
    from container.settings import comma_list

    path = Path(labels)
    if labels and "," not in labels and path.is_file():
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return comma_list(labels)


def _json_object(option: str, text: str) -> dict[str, Any]:
    import json

    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.UsageError(f"{option} takes a JSON object, not {text[:60]!r}")
    return value


def _hyperparameters(command: Any) -> Any:
    """An option for every hyperparameter."""
    from container.training.hyperparameters import Hyperparameters

    for one in reversed(fields(Hyperparameters)):
        name, doc = one.name.replace("_", "-"), one.metadata["doc"].replace("`", "")
        default = "" if one.default in ("", ()) else f"  [default: {one.default}]"
        command = click.option(f"--{name}", help=doc + default)(command)
    return command


@main.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder in COCO's format, or a folder of such folders.")
@click.option("--validation", type=click.Path(path_type=Path), help="Folder to measure on.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder for model/, checkpoints/, data/ and tensorboard/."
)
@_hyperparameters
def train(data: Path | None, validation: Path | None, output: Path | None, **given: str | None) -> None:
    """Train a detector or a semantic model that `serve` takes.

    Without --data on SageMaker's contract: channels, hyperparameters.json and results lie below /opt/ml.
    """
    cores.share()
    from container.errors import DataError, ModelError, TrainingError
    from container.training import command

    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        with click.progressbar(length=1000, label="training", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

            def watch(done: float) -> None:
                bar.update(int(1000 * done) - bar.pos)

            command.run(base, data, validation, output, chosen, sys.argv[2:], watch)
    except (DataError, ModelError, TrainingError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@_model_options
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="Folder in COCO's format, or of such folders."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="File for the figures.")
@click.option("--worst", type=click.Path(dir_okay=False, path_type=Path), help="PNG for the photos it does worst on.")
@click.option("--limit", type=click.IntRange(min=1), help="Measure on the first so many photos.")
def evaluate(data: Path, json_file: Path | None, worst: Path | None, limit: int | None, **given: Any) -> None:
    """Measure the model that `serve` would load on labelled photos: average precision, or mean IoU."""
    import json

    from container import app
    from container.errors import DataError, ModelError
    from container.models import loading
    from container.training import data as folders
    from container.training.evaluate import evaluate, write_worst

    settings = _settings(**given)
    for path in filter(None, (json_file, worst)):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        whole = folders.joined(folders.read(data))
        dataset = replace(whole, photos=whole.photos[:limit])
        placement = loading.Placement(settings.device, settings.precision, settings.backend, settings.cpu_threads)
        engine = loading.load(app.find_model(settings), placement).engine
        with click.progressbar(
            length=len(dataset.photos), label="evaluating", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            report = evaluate(engine, dataset, progress=bar.update)
        if worst:
            write_worst(engine, dataset, report, worst)
    except (DataError, ModelError) as error:
        raise click.ClickException(str(error)) from None
    if json_file:
        json_file.write_text(json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(report.table())


@main.command()
@_model_options
def models(**given: Any) -> None:
    """List the architectures, and the model that `serve` would load."""
    from container.app import find_model
    from container.engines import _catalog as catalog
    from container.errors import ModelError
    from container.models import artifact

    settings = _settings(**given)
    for task, names in catalog.by_task().items():
        click.echo(f"{task}:")
        for name, weights in names.items():
            click.echo(f"  {name:<36} {', '.join(weights)}".rstrip())
    try:
        with artifact.opened(find_model(settings)) as spec:
            click.echo(f"\nserve loads: {catalog.describe(spec)}")
    except ModelError as error:
        raise click.ClickException(f"serve loads nothing: {error}") from None
