"""check."""

import sys
from pathlib import Path
from typing import Any

import click

from container.cli.options import read_settings


@click.command()
@click.argument("url", required=False, default="")
@click.option("--image", default="", help="An image that Docker or Podman has; it is run for the check.")
@click.option("--pid", type=click.IntRange(min=2), help="Process of the server at URL, which may then be stopped.")
@click.option(
    "--model-data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The image's /opt/ml/model."
)
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment of the image's containers.")
@click.option("--header", multiple=True, metavar="'NAME: VALUE'", help="Sent with every request, such as an API key.")
@click.option("--endpoint", default="check", show_default=True, help="NAME in /endpoints/NAME/invocations.")
@click.option(
    "--multi-model", default="", metavar="PATH", help="Of a multi-model endpoint at URL: a model that it can load."
)
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
    from container.check import command
    from container.check.container_engine import Unavailable
    from container.check.findings import HEADING, Finding, Outcome, as_row, summary
    from container.check.findings import as_json as findings_json

    if url and image or (pid or given["multi_model"]) and not url:
        raise click.UsageError("give URL or --image; --pid and --multi-model only with URL")
    if any(":" not in one for one in header):
        raise click.UsageError("--header takes 'NAME: VALUE'")
    headers = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in header)}
    if not url and not image:
        headers, given["endpoint"] = _of_own_server(headers, given["endpoint"])
    request = command.Request(url, image, pid, model_data, env, headers, **given)
    findings: list[Finding] = []
    if not as_json:
        click.echo(HEADING)
    try:
        for finding in command.run(request):
            findings.append(finding)
            if not as_json:
                click.echo(as_row(finding))
    except (ValueError, Unavailable, RuntimeError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(findings_json(findings) if as_json else summary(findings))
    sys.exit(any(finding.outcome is Outcome.FAILED for finding in findings))


def _of_own_server(headers: dict[str, str], endpoint: str) -> tuple[dict[str, str], str]:
    """The headers and the endpoint's name that the settings of the environment ask for."""
    from container.fields import comma_list

    settings = read_settings()
    if settings.multi_model:
        raise click.UsageError(
            "SAGEMAKER_MULTI_MODEL is set: start the server, and give its URL and --multi-model PATH"
        )
    key, name = comma_list(settings.api_key)[:1], comma_list(settings.endpoint_names)[:1]
    return {**({"Authorization": f"Bearer {key[0]}"} if key else {}), **headers}, name[0] if name else endpoint
