"""What hosting costs, estimated from a small table of prices with its date. It asks AWS nothing."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from deploy.errors import DeployError

HOURS_A_MONTH = 730  # as AWS's own calculator counts
DAYS_A_MONTH = HOURS_A_MONTH / 24
PAGE = "https://aws.amazon.com/sagemaker/pricing/"


@dataclass(frozen=True)
class Prices:
    """USD, without taxes, storage and logs."""

    region: str
    date: date
    instances: Mapping[str, float]  # an hour
    gb_second: float  # serverless
    gb_data: float  # serverless, in and out


@dataclass(frozen=True)
class Cost:
    """USD of one thing; hour is 0 for what is not paid by the hour."""

    what: str
    hour: float
    month: float

    def __str__(self) -> str:
        hourly = f"{self.hour:9.4f} USD/hour" if self.hour else " " * 18
        return f"{self.what:<40} {hourly} {self.month:11.2f} USD/month"


@cache
def prices() -> Prices:
    """The table beside this file."""
    table = tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
    serverless = table["serverless"]
    return Prices(table["region"], table["date"], table["instances"], serverless["gb_second"], serverless["gb_data"])


def hourly(instance_type: str, price: float | None) -> float:
    """USD an hour: `price` where it is given, else the table's; DeployError where that has none."""
    if price is not None:
        return price
    if instance_type not in prices().instances:
        raise DeployError(f"the table has no price for {instance_type}: give --price, which {PAGE} says")
    return prices().instances[instance_type]


def instances(what: str, instance_type: str, count: int, hours_a_day: float, price: float | None = None) -> Cost:
    """Instances that run `hours_a_day` on every day of a month."""
    hour = count * hourly(instance_type, price)
    return Cost(f"{what}: {count} × {instance_type}", hour, hour * hours_a_day * DAYS_A_MONTH)


def batch(what: str, instance_type: str, count: int, hours: float, price: float | None = None) -> Cost:
    """Transform jobs that take so many hours a month in all."""
    hour = count * hourly(instance_type, price)
    return Cost(f"{what}: {count} × {instance_type}, {hours:g} h", hour, hour * hours)


def serverless(what: str, memory_mb: int, requests: int, seconds: float, megabytes: float) -> Cost:
    """`requests` a month that take so many seconds and, in and out, so many MB each."""
    compute = requests * seconds * memory_mb / 1024 * prices().gb_second
    data = requests * megabytes / 1024 * prices().gb_data
    return Cost(f"{what}: {memory_mb} MB, {requests:,} requests", 0, compute + data)
