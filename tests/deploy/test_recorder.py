"""--dry-run: what is printed, what is asked of AWS, what the calls answer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from deploy.aws import NOBODY, Aws
from tests.deploy.conftest import REGION

ROLE = {"RoleName": "horses", "AssumeRolePolicyDocument": "{}"}


@pytest.fixture
def dry() -> Aws:
    return Aws(region=REGION, dry_run=True)


def test_a_change_is_printed_and_answered_with_placeholders(dry: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    answer = dry.client("iam").create_role(**ROLE)
    assert answer["Role"]["Arn"] == "(known after CreateRole)"
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"service": "iam", "operation": "CreateRole", "parameters": ROLE}


def test_its_parameters_are_checked(dry: Aws) -> None:
    with pytest.raises(ParamValidationError, match="AssumeRolePolicyDocument"):
        dry.client("iam").create_role(RoleName="horses")


def test_without_credentials_nothing_exists(dry: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    sagemaker = dry.client("sagemaker")
    assert dry.find(sagemaker.describe_endpoint, EndpointName="horses") is None
    assert sagemaker.list_models()["Models"] == []
    assert dry.client("ecr").describe_repositories(repositoryNames=["horses"])["repositories"] == []
    assert dry.account == NOBODY
    assert "as if nothing existed" in capsys.readouterr().err
    with pytest.raises(ClientError):
        sagemaker.describe_endpoint(EndpointName="horses")


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        pytest.param(True, "with credentials that AWS does not take", id="refused"),
        pytest.param(False, "which cannot be reached", id="no-network"),
    ],
)
def test_credentials_for_a_local_server_are_as_good_as_none(
    answers: bool, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Refusing)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    if answers:
        threading.Thread(target=server.handle_request, daemon=True).start()
    else:
        server.server_close()
    dry = Aws(region=REGION, dry_run=True)
    assert dry.account == NOBODY
    assert why in capsys.readouterr().err
    server.server_close()


def test_with_credentials_what_exists_is_read(mocked: None, capsys: pytest.CaptureFixture[str]) -> None:
    Aws(region=REGION).client("iam").create_role(**ROLE)
    dry = Aws(region=REGION, dry_run=True)
    iam = dry.client("iam")
    assert dry.find(iam.get_role, RoleName="horses") is not None
    iam.delete_role(RoleName="horses")
    assert dry.find(iam.get_role, RoleName="horses") is not None
    assert json.loads(capsys.readouterr().out)["operation"] == "DeleteRole"


def test_other_programs_are_printed_too(dry: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    dry.run(["false"], stdin="secret")
    assert capsys.readouterr().out == '{"command": ["false"]}\n'


def test_secrets_of_the_container_are_not_shown(dry: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"MASKSERVE_API_KEY": "abcdefgh", "HF_TOKEN": "abcdefgh", "MASKSERVE_QUEUE_SIZE": "9"}
    dry.client("sagemaker").create_model(ModelName="horses", Containers=[{"Image": "x", "Environment": environment}])
    printed = capsys.readouterr().out
    shown = json.loads(printed)["parameters"]["Containers"][0]["Environment"]
    assert shown == {"MASKSERVE_API_KEY": "(hidden)", "HF_TOKEN": "(hidden)", "MASKSERVE_QUEUE_SIZE": "9"}
    assert "abcdefgh" not in printed
