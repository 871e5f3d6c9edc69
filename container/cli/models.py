"""pack | models."""

import logging
from pathlib import Path
from typing import Any

import click

from container.cli.options import json_object, model_options, read_settings, show_log


@click.command()
@click.option("--architecture", required=True, help="A name of `python -m container models`.")
@click.option("--weights", required=True, help="A weights file, or a name such as COCO_V1.")
@click.option("--labels", default="", help="Class names, separated by commas, or a file with one a line.")
@click.option("--name", help="What answers call the model; the architecture's name where it is not given.")
@click.option("--parameters", default="{}", help='For the builder, as JSON: {"min_size": 640}.')
@click.option("--options", default="{}", help='The model\'s own defaults, as JSON: {"confidence": 0.6}.')
@click.option("--activation", type=click.Choice(["sigmoid"]), help="Of a semantic model with one output.")
@click.option("--preprocessing", default="{}", help="Of pictures, as in training, as JSON: see docs/weights.md.")
@click.option("--batch-norm-eps", type=float, help="Epsilon of all batch norms, where the weights need another one.")
@click.option(
    "--workflow",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A workflow that /invocations run, in which the model is `served`: see docs/workflows.md.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default="model.tar.gz", show_default=True)
def pack(
    architecture: str,
    weights: str,
    labels: str,
    name: str | None,
    parameters: str,
    options: str,
    activation: str | None,
    preprocessing: str,
    batch_norm_eps: float | None,
    workflow: Path | None,
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
        parameters=json_object("--parameters", parameters),
        activation=activation or "",
        batch_norm_eps=batch_norm_eps,
        workflow=_workflow(workflow) if workflow else "",
    )
    show_log(logging.INFO)
    try:
        spec = artifact.with_options(spec, json_object("--options", options))
        spec = artifact.with_preprocessing(spec, json_object("--preprocessing", preprocessing))
        output.parent.mkdir(parents=True, exist_ok=True)
        packed = loading.pack(spec, output)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror or type(error).__name__}") from None
    classes = f"{len(packed.labels)} classes, " if packed.labels else ""
    click.echo(f"{output}: {packed.name}, {classes}{output.stat().st_size / 1e6:.1f} MB")


def _workflow(file: Path) -> str:
    """Return the text of a workflow that invocations can run; UsageError says in one line why they cannot."""
    from container.models import artifact
    from container.workflows import invoked

    try:
        text = artifact.workflow_in(file)
        invoked.read(text)
    except ValueError as error:
        raise click.UsageError(f"--workflow: {file.name!r}: {error}") from None
    return text


def _names(labels: str) -> tuple[str, ...]:
    from container.fields import comma_list

    path = Path(labels)
    if labels and "," not in labels and path.is_file():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except ValueError:
            raise click.UsageError(f"--labels: {path.name!r} is not UTF-8 text") from None
        return tuple(line.strip() for line in lines if line.strip())
    return comma_list(labels)


@click.command()
@model_options
def models(**given: Any) -> None:
    """List the architectures, and the model that `serve` would load."""
    from container.app import find_model
    from container.engines.base import by_kind, describe
    from container.errors import ModelError
    from container.models import artifact

    settings = read_settings(**given)
    for kind, names in by_kind().items():
        click.echo(f"{kind}:")
        for name, weights in names.items():
            click.echo(f"  {name:<36} {', '.join(weights)}".rstrip())
    try:
        with artifact.opened(find_model(settings)) as spec:
            click.echo(f"\nserve loads: {describe(spec)}")
    except ModelError as error:
        raise click.ClickException(f"serve loads nothing: {error}") from None
