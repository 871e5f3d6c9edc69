"""Hyperparameters as strings: what is read, and what is refused."""

import math
from dataclasses import Field, fields
from typing import Any

import pytest

from container.errors import DataError
from container.training.hyperparameters import Hyperparameters

NUMBERS = [f for f in fields(Hyperparameters) if f.type in (int, float)]
FINITE = [f for f in NUMBERS if f.metadata["takes"].high < math.inf]


def test_nothing_given_is_the_defaults() -> None:
    read = Hyperparameters.from_strings({})
    assert read == Hyperparameters()
    assert (read.steps, read.half, read.weights) == (3000, False, "")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "5", 5),
        ("steps", ' "5" ', 5),
        ("learning_rate", "1e-3", 1e-3),
        ("max_minutes", "7", 7.0),
        ("half", "true", True),
        ("half", "True", True),
        ("half", "1", True),
        ("half", "false", False),
        ("half", "0", False),
        ("labels", "", ()),
        ("labels", "cat", ("cat",)),
        ("labels", " cat , traffic light,,", ("cat", "traffic light")),
        ("shares", "street=0.7,studio=3", ("street=0.7", "studio=3")),
        ("annotations", "instances_train.json, b.json", ("instances_train.json", "b.json")),
        ("strict", "true", True),
        ("weights", '"none"', "none"),
        ("workers", "-1", -1),
        ("parameters", '{"min_size": 640}', '{"min_size": 640}'),
    ],
)
def test_strings_are_read_in_the_types_of_their_fields(name: str, text: str, value: object) -> None:
    read = getattr(Hyperparameters.from_strings({name: text}), name)
    assert read == value and type(read) is type(value)


def test_sagemakers_own_are_passed_over() -> None:
    given = {"sagemaker_program": "train.py", "sagemaker_region": '"eu-west-1"', "steps": "3"}
    assert Hyperparameters.from_strings(given) == Hyperparameters(steps=3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("steps", "many"),
        ("steps", ""),
        ("steps", "2.5"),
        ("steps", "1e3"),
        ("steps", "inf"),
        ("learning_rate", "nan"),
        ("learning_rate", "fast"),
        ("half", "yes"),
        ("half", ""),
        ("train_batch_norms", "2"),
    ],
)
def test_what_is_of_another_type_is_refused(name: str, text: str) -> None:
    with pytest.raises(DataError, match=f"^hyperparameter {name} takes "):
        Hyperparameters.from_strings({name: text})


@pytest.mark.parametrize("field", NUMBERS, ids=lambda f: f.name)
def test_what_is_too_low_is_refused_and_the_lowest_is_not(field: Field[Any]) -> None:
    low = field.metadata["takes"].low
    assert getattr(Hyperparameters.from_strings({"scale_low": "0.05", field.name: f"{low:g}"}), field.name) == low
    with pytest.raises(DataError, match=f"hyperparameter {field.name} takes .*{low:g}"):
        Hyperparameters.from_strings({field.name: str(low - 1)})


@pytest.mark.parametrize("field", FINITE, ids=lambda f: f.name)
def test_what_is_too_high_is_refused_and_the_highest_is_not(field: Field[Any]) -> None:
    high = field.metadata["takes"].high
    assert getattr(Hyperparameters.from_strings({"scale_high": "10", field.name: f"{high:.12g}"}), field.name) == high
    with pytest.raises(DataError, match=f"hyperparameter {field.name} takes .* to "):
        Hyperparameters.from_strings({field.name: str(high + 1)})


def test_scales_are_in_order() -> None:
    with pytest.raises(DataError, match="scale_low is 2, above scale_high, 1"):
        Hyperparameters.from_strings({"scale_low": "2", "scale_high": "1"})


@pytest.mark.parametrize("field", NUMBERS, ids=lambda f: f.name)
def test_every_default_is_within_its_range(field: Field[Any]) -> None:
    assert field.metadata["takes"].low <= field.default <= field.metadata["takes"].high


@pytest.mark.parametrize("name", ["step", "Steps", "", "learning-rate"])
def test_what_is_unknown_is_refused_with_what_is_known(name: str) -> None:
    with pytest.raises(DataError, match=rf"unknown hyperparameters {name}; known: architecture, .*learning_rate"):
        Hyperparameters.from_strings({name: "1"})


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("device", "tpu", "auto, cpu, cuda or cuda:N"),
        ("device", "", "auto, cpu, cuda or cuda:N"),
        ("precision", "fp8", 'one of "auto", "fp32", "bf16"'),
    ],
)
def test_words_that_there_are(name: str, value: str, takes: str) -> None:
    with pytest.raises(DataError, match=f"hyperparameter {name} takes {takes}, not '{value}'"):
        Hyperparameters.from_strings({name: value})
