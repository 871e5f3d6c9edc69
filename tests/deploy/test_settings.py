"""maskserve.toml: which value holds for which command."""

from pathlib import Path
from typing import Any

import click
import pytest

from deploy import settings


@click.group()
@click.option("--region")
def main() -> None: ...


@main.group()
def endpoint() -> None: ...


@endpoint.command()
@click.option("--name")
@click.option("--instance-type")
def create() -> None: ...


@endpoint.command()
@click.option("--name")
def delete() -> None: ...


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"endpoint": {"create": {}, "delete": {}}}),
        ('region = "r"\nname = "n"', {"region": "r", "endpoint": {"create": {"name": "n"}, "delete": {"name": "n"}}}),
        ('[endpoint]\nname = "n"', {"endpoint": {"create": {"name": "n"}, "delete": {"name": "n"}}}),
        (
            'name = "n"\n[endpoint.create]\nname = "m"\ninstance-type = "t"',
            {"endpoint": {"create": {"name": "m", "instance_type": "t"}, "delete": {"name": "n"}}},
        ),
    ],
    ids=["empty", "everywhere", "group", "command over everywhere"],
)
def test_values(text: str, expected: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    assert settings.read(tmp_path / "a.toml", main) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nmae = 1", "no command has nmae"),
        ("[endpoint.delete]\ninstance-type = 't'", "no command has endpoint.delete.instance_type"),
        ("endpoint = 1", "endpoint must be a table"),
        ("[", "a.toml"),
    ],
    ids=["typing mistake", "of another command", "no table", "no TOML"],
)
def test_mistakes(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(click.UsageError) as caught:
        settings.read(tmp_path / "a.toml", main)
    assert problem in caught.value.message
