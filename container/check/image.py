"""What an image says of itself, and how little it needs to run.

SageMaker runs it with `serve`, may cut it off from the network, and mounts the model read-only; a serverless endpoint
runs it as nobody in particular with nothing but /tmp to write to. All that is tried at once; only where that fails, one
by one.
"""

import json
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from container.check.containers import Image, running
from container.check.findings import Checks, NotOffered, Wrong

LABEL = "com.amazonaws.sagemaker.capabilities."
LARGEST_GB = 10.0  # of a serverless endpoint
OTHER_PORT = 9090
SERVES = "image: serve, with /opt/ml/model read-only"

checks = Checks["Inspected"]()


@dataclass(frozen=True)
class Restriction:
    """Options of `docker run` that an image has to live with."""

    options: tuple[str, ...]
    port: int = 8080


class Inspected:
    """An image, looked at once."""

    def __init__(self, image: Image, seconds: float) -> None:
        """`seconds` is how long a start may take."""
        self.image = image
        self.seconds = seconds
        self.restrictions = {
            "no network": Restriction(("--network", "none")),
            "read-only but for /tmp": Restriction(image.engine.hardening()),
            "any user": Restriction(("--user", "12345:12345")),
            "SAGEMAKER_BIND_TO_PORT": Restriction(("-e", f"SAGEMAKER_BIND_TO_PORT={OTHER_PORT}"), OTHER_PORT),
        }

    @cached_property
    def config(self) -> dict[str, Any]:
        """`docker image inspect`."""
        described = json.loads(self.image.engine.text("image", "inspect", self.image.name))[0]
        assert isinstance(described, dict)
        return described

    @property
    def labels(self) -> dict[str, str]:
        """The image's labels."""
        return self.config["Config"].get("Labels") or {}

    @cached_property
    def obstacle_to_all(self) -> str:
        """Why it is never ready under all restrictions at once, or ""."""
        options = tuple(option for one in self.restrictions.values() for option in one.options)
        return self.obstacle(Restriction(options, OTHER_PORT))

    def obstacle(self, restriction: Restriction) -> str:
        """Why it is never ready, as its log or the engine says; or ""."""
        try:
            with running(self.image, restriction.options) as container:
                if container.ready(restriction.port, self.seconds):
                    return ""
                return container.last_words() or "/ping is not 200 in time, and its log is empty"
        except RuntimeError as error:
            return str(error).splitlines()[-1]


@checks("image: below 10 GB", "leave out what serving does not need: compilers, caches, CUDA on a CPU endpoint")
def size(inspected: Inspected) -> str:
    gigabytes = inspected.config["Size"] / 1e9
    if gigabytes >= LARGEST_GB:
        raise Wrong(f"{gigabytes:.1f} GB")
    return f"{gigabytes:.2f} GB"


@checks("image: linux/amd64 or arm64", "build with --platform linux/amd64")
def platform(inspected: Inspected) -> str:
    found = f"{inspected.config['Os']}/{inspected.config['Architecture']}"
    if found not in ("linux/amd64", "linux/arm64"):
        raise Wrong(found)
    return found


def _label(name: str, why: str, inspected: Inspected) -> str:
    value = inspected.labels.get(LABEL + name)
    if value is None:
        raise NotOffered(why)
    if value != "true":
        raise Wrong(f"{value!r}")
    return value


for _name, _why in (
    ("accept-bind-to-port", "it cannot share an instance with other containers"),
    ("multi-models", "it cannot serve multi-model endpoints"),
):
    checks.add(f"image: label {_name}", "set it to true, or not at all", partial(_label, _name, _why))


@checks(SERVES, "start the server where the first argument is serve, and write nothing beside the model")
def served(inspected: Inspected) -> str:
    if inspected.obstacle_to_all and (obstacle := inspected.obstacle(Restriction(()))):
        raise Wrong(f"never ready: {obstacle}")
    return ""


def _restricted(name: str, inspected: Inspected) -> str:
    if not inspected.obstacle_to_all:
        return "with all others"
    obstacle = inspected.obstacle(inspected.restrictions[name])
    if not obstacle:
        return "on its own"
    if name == "SAGEMAKER_BIND_TO_PORT" and LABEL + "accept-bind-to-port" not in inspected.labels:
        raise NotOffered("it listens on 8080 only, as its labels say")
    raise Wrong(f"never ready: {obstacle}")


for _name, _advice in {
    "no network": "put what it downloads at the start into the image, or into the model data",
    "read-only but for /tmp": "write to /tmp only; set HOME and cache folders to it",
    "any user": "make files readable for all (chmod -R a+rX); a user may have no name and no home",
    "SAGEMAKER_BIND_TO_PORT": "listen on that port where the variable is set; or leave the label out",
}.items():
    checks.add(f"image: {_name}", _advice, partial(_restricted, _name))


@checks("image: all of these at once", "see its log under all of these restrictions together")
def at_once(inspected: Inspected) -> str:
    if inspected.obstacle_to_all:
        raise Wrong(f"never ready: {inspected.obstacle_to_all}")
    return ""
