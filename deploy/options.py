"""Options that several commands have."""

import click

from deploy.names import Shaped

name = click.option(
    "--name",
    required=True,
    type=Shaped("sagemaker", "EndpointName"),
    help="The deployment; its endpoint is called the same.",
)

wait = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until AWS is done.")
