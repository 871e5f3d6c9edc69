"""Settings: read once, checked, and documented in the README."""

import re
from pathlib import Path

import pytest

from container.errors import setting_name
from container.fields import comma_list
from container.settings import Settings, pairs, variables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({}, "port", 8080),
        ({"SAGEMAKER_BIND_TO_PORT": "9000"}, "port", 9000),
        ({"SAGEMAKER_BIND_TO_PORT": ""}, "port", 8080),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": " 3 "}, "workers", 3),
        ({"SAGEMAKER_BATCH": "True"}, "batch", True),
        ({"SAGEMAKER_BATCH": "false"}, "batch", False),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "9"}, "timeout", 9.0),
        ({"MASKSERVE_MODEL": "default"}, "model", "default"),
        ({"MODEL": "default"}, "model", ""),
        ({}, "deadline_seconds", 55),
        ({"SAGEMAKER_BATCH": "true"}, "deadline_seconds", 3300),
        ({"SAGEMAKER_BATCH": "true", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "20"}, "deadline_seconds", 20),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "4"}, "processes", 4),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "4", "SAGEMAKER_MULTI_MODEL": "true"}, "processes", 1),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "4", "MASKSERVE_MODEL_STORE": "/models"}, "processes", 1),
        ({}, "max_body_bytes", 25 * 1024 * 1024),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, "max_body_bytes", None),
        ({}, "workflows_profiling", False),
        ({"ENABLE_WORKFLOWS_PROFILING": "True"}, "workflows_profiling", True),
        ({"MASKSERVE_WORKFLOWS_PROFILING": "0", "ENABLE_WORKFLOWS_PROFILING": "1"}, "workflows_profiling", False),
    ],
)
def test_read(environ: dict[str, str], name: str, value: object) -> None:
    assert getattr(Settings.from_environ(environ), name) == value


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "http"}, "SAGEMAKER_BIND_TO_PORT is 'http'; it takes a whole number"),
        ({"SAGEMAKER_BIND_TO_PORT": "70000"}, "SAGEMAKER_BIND_TO_PORT is 70000; it takes 1 to 65535"),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "0"}, "it takes 1 or more"),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "nan"}, "it takes 0 to 86400"),
        ({"MASKSERVE_API_KEY": ","}, "MASKSERVE_API_KEY is set to something else; it takes keys of 8 to 200"),
        ({"MASKSERVE_CORS_ORIGINS": "app.example.com"}, "it takes origins in lower case as https://app.example.com"),
        ({"MASKSERVE_CORS_ORIGINS": "https://app.example.com/"}, "without a path"),
        ({"MASKSERVE_CORS_ORIGINS": "https://*.example.com"}, "without a path"),
        ({"MASKSERVE_CORS_ORIGINS": "null"}, "without a path"),
        ({"MASKSERVE_CORS_ORIGINS": "*"}, "'*' without MASKSERVE_API_KEY"),
        (
            {"MASKSERVE_STORE_PREDICTIONS": "p"},
            "MASKSERVE_STORE_PREDICTIONS is set without MASKSERVE_STORE, which it needs",
        ),
        (
            {"MASKSERVE_STORE": "s", "MASKSERVE_STORE_PREDICTIONS_BASELINE": "run_1"},
            "MASKSERVE_STORE_PREDICTIONS_BASELINE is set without MASKSERVE_STORE_PREDICTIONS, which it needs",
        ),
        ({"MASKSERVE_STORE": "s", "MASKSERVE_STORE_PREDICTIONS": "a\nb"}, "a name of up to 200 printable characters"),
        ({"MASKSERVE_STORE_PREDICTIONS_MAX": "0"}, "MASKSERVE_STORE_PREDICTIONS_MAX is 0; it takes 1 or more"),
        ({"MASKSERVE_MAX_ACTIVE_MODELS": "0"}, "MASKSERVE_MAX_ACTIVE_MODELS is 0; it takes 1 or more"),
        *(
            ({"MASKSERVE_MODEL_ALIASES": value}, f"MASKSERVE_MODEL_ALIASES is {value!r}; it takes ALIAS=ID, separated")
            for value in ("a", "a=", "=b", "a=b=c", "a=b,c", "a=b,a=c", "a = b", ",", "a/1=b/1;c/1=d/1=e")
        ),
        *(
            ({"SAGEMAKER_MULTI_MODEL": "true", name: value}, f"{name} is set beside SAGEMAKER_MULTI_MODEL")
            for name, value in (
                ("MASKSERVE_MODEL_STORE", "/models"),
                ("MASKSERVE_MODEL_ALIASES", "a=b"),
                ("MASKSERVE_MAX_ACTIVE_MODELS", "3"),
            )
        ),
        (
            {"MASKSERVE_STORE_DATABASE": "postgresql://a:b@c/d"},
            "MASKSERVE_STORE_DATABASE is set without MASKSERVE_STORE, which it needs",
        ),
        ({"MASKSERVE_STORE_MAX_UPLOAD_MB": "0"}, "it takes 1 to 4096"),
        *(
            ({"MASKSERVE_PUBLIC_URL": value}, f"MASKSERVE_PUBLIC_URL is {value!r}; it takes an address as https://")
            for value in ("masks.example.com", "https://a/", "ftp://a", "https://a?b", "https://a b")
        ),
        ({"MASKSERVE_PRECISION": "int8"}, "MASKSERVE_PRECISION is 'int8'; it takes fp32, bf16 or fp16"),
    ],
)
def test_refused(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Settings.from_environ(environ)


@pytest.mark.parametrize("value", ["s3cret!", "s3cret! s3cret!", "good-key-1,s3cret!", "s3cret!" * 99, "s3cretä-key"])
def test_a_key_is_never_shown(value: str) -> None:
    with pytest.raises(ValueError) as caught:
        Settings.from_environ({"MASKSERVE_API_KEY": value})
    assert "s3cret" not in str(caught.value) and "good" not in str(caught.value)
    settings = Settings.from_environ({"MASKSERVE_API_KEY": "good-key-1, good-key-2"})
    assert "good-key" not in f"{settings} {settings!r}"
    assert comma_list(settings.api_key) == ("good-key-1", "good-key-2")


def test_comma_list() -> None:
    assert comma_list(" a, b ,,c") == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "read"),
    [("", {}), ("a=b", {"a": "b"}), (" a/1=b/2 ,x=y, ", {"a/1": "b/2", "x": "y"}), ("ä:1=b@c", {"ä:1": "b@c"})],
)
def test_aliases(text: str, read: dict[str, str]) -> None:
    assert pairs(Settings.from_environ({"MASKSERVE_MODEL_ALIASES": text}).model_aliases) == read


def test_messages_name_settings_that_there_are() -> None:
    named = {
        field
        for path in (ROOT / "container").rglob("*.py")
        for field in re.findall(r"setting_name\(['\"](\w+)['\"]\)", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert {field: setting_name(field) for field in named} == {field: variables(field)[0] for field in named}


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "0.0.0.0:8080"),
        ("localhost", "localhost:8080"),
        ("::", "[::]:8080"),
        ("::1", "[::1]:8080"),
        ("[::1]", "[::1]:8080"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8080"),
    ],
)
def test_the_address_to_listen_on(host: str, address: str) -> None:
    assert Settings(host=host).address == address
