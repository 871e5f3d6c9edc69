"""`cost`: what an endpoint costs as it is now, or what one would cost."""

from collections.abc import Iterator

import click
from click.core import ParameterSource

from deploy import costs, endpoints
from deploy.autoscaler import Autoscaler
from deploy.aws import Aws, pass_aws
from deploy.errors import DeployError
from deploy.names import Shaped
from deploy.scaling import Scaled


@click.command(name="cost")
@click.option("--name", type=Shaped("sagemaker", "EndpointName"), help="An endpoint that exists; else what follows.")
@click.option("--instance-type", help="Of a real-time or async endpoint, or a batch job.")
@click.option("--instances", type=click.IntRange(0), default=1)
@click.option("--hours-per-day", type=click.FloatRange(0, 24), default=24.0, help="That instances run.")
@click.option("--batch-hours", type=click.FloatRange(0), help="Of a batch job instead: hours a month.")
@click.option("--memory", type=click.IntRange(1024, 6144), help="Of a serverless endpoint instead: MB.")
@click.option("--requests", type=click.IntRange(0), default=0, help="Serverless: a month.")
@click.option("--seconds", type=click.FloatRange(0), default=1.0, help="Serverless: a request.")
@click.option("--megabytes", type=click.FloatRange(0), default=1.0, help="Serverless: in and out.")
@click.option("--price", type=click.FloatRange(0), help="USD an hour of one instance; else the table's.")
@pass_aws
@click.pass_context
def command(
    ctx: click.Context,
    aws: Aws,
    name: str | None,
    instance_type: str | None,
    instances: int,
    hours_per_day: float,
    batch_hours: float | None,
    memory: int | None,
    requests: int,
    seconds: float,
    megabytes: float,
    price: float | None,
) -> None:
    """Estimate a month in USD.

    From a table of prices with a date; it is no offer, and AWS's bill counts.
    """
    table = costs.prices()
    # The settings file may name the deployment and its instances; what the command line says counts more.
    typed = {key for key in ("instance_type", "memory") if ctx.get_parameter_source(key) is ParameterSource.COMMANDLINE}
    if name and not typed:
        instance_type = memory = None
    if instance_type and batch_hours is not None:
        found = [costs.batch("batch", instance_type, instances, batch_hours, price)]
    elif instance_type:
        found = [costs.instances("endpoint", instance_type, instances, hours_per_day, price)]
    elif memory:
        found = [costs.serverless("serverless", memory, requests, seconds, megabytes)]
    elif name:
        found = list(_endpoint(aws, name, hours_per_day, price, (requests, seconds, megabytes)))
        if aws.region != table.region:
            aws.say(f"the endpoint is in {aws.region}; the table has the prices of {table.region}")
    else:
        raise click.UsageError("what of? --name, --instance-type or --memory says")
    for cost in found:
        click.echo(cost)
    source = "--price" if price is not None else f"prices of {table.region}, on demand, compared on {table.date}"
    click.echo(f"An estimate: {source}; without storage, logs, data transfer and taxes. {costs.PAGE}")


def _endpoint(
    aws: Aws, name: str, hours: float, price: float | None, served: tuple[int, float, float]
) -> Iterator[costs.Cost]:
    """A cost a variant, as many instances as there are; and between which limits autoscaling keeps them."""
    now = endpoints.describe(aws, name)
    if now is None:
        raise DeployError(f"there is no endpoint {name}")
    config = aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=now["EndpointConfigName"])
    counts = {one["VariantName"]: one for one in (*now["ProductionVariants"], *now.get("ShadowProductionVariants", ()))}
    for variant in (*config["ProductionVariants"], *config.get("ShadowProductionVariants", ())):
        own, pools = variant["VariantName"], variant.get("InstancePools")
        kind = pools[0]["InstanceType"] if pools else variant.get("InstanceType")
        if "ServerlessConfig" in variant:
            yield costs.serverless(own, variant["ServerlessConfig"]["MemorySizeInMB"], *served)
            continue
        count = counts.get(own, {}).get("CurrentInstanceCount", variant["InitialInstanceCount"])
        yield costs.instances(own, kind, count, hours, price)
        if limits := Autoscaler(aws, Scaled(name, own)).limits():
            for word, key in (("at least", "MinCapacity"), ("at most", "MaxCapacity")):
                yield costs.instances(f"{own}, {word}", kind, limits[key], hours, price)
