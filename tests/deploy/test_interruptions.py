"""A command that fails at any of its changes says what it leaves, and the same command again finishes the job."""

from collections.abc import Sequence

import boto3
import pytest

from tests.deploy.conftest import CPU, GPU, REGION, Changes, left, run

CREATE = ("endpoint", "create", "--name", "horses", "--instance-type", CPU)
UPDATE = ("endpoint", "update", "--name", "horses", "--instance-type", GPU, "--rollback-on-errors")
DELETE = ("endpoint", "delete", "--name", "horses")
DESTROY = ("destroy", "--name", "horses", "--yes")
MAKE = ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
ROLE = ("role", "create", "--name", "horses", "--bucket", "pictures", "--repository", "other")

CASES = {
    "create": ([], CREATE, MAKE),
    "update": (
        [CREATE],
        UPDATE,
        ["PutMetricAlarm", "CreateEndpointConfig", "UpdateEndpoint", "DeleteEndpointConfig"],
    ),
    "delete": ([CREATE], DELETE, ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"]),
    "destroy": (
        [CREATE],
        DESTROY,
        ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", "DeleteRolePolicy", "DeleteRole"],
    ),
    "role": ([], ROLE, ["PutRolePolicy"]),
}


@pytest.mark.parametrize("answer_lost", [False, True], ids=["not made", "answer lost"])
@pytest.mark.parametrize(
    ("case", "step"),
    [(case, step) for case, (_, _, expected) in CASES.items() for step in range(len(expected))],
    ids=lambda value: str(value),
)
def test_every_step_may_fail(account: None, changes: Changes, case: str, step: int, answer_lost: bool) -> None:
    before, command, expected = CASES[case]
    for earlier in before:
        run(*earlier)
    changes.made, changes.fail_at, changes.answer_lost = [], step, answer_lost

    failed = run(*command, code=1)

    assert f"{expected[step]}: InternalFailure: as the test wants it" in failed.stderr
    assert changes.made == expected[: step + 1]
    assert ("still there: " in failed.stderr) == expected[step].startswith("Delete")
    created = [operation for operation in expected[:step] if operation.startswith("Create")]
    assert ("made before that" in failed.stderr) == (bool(created) or (case == "update" and step > 0))

    changes.made, changes.fail_at = [], -1
    run(*command)
    missing = expected[step + answer_lost :]
    assert [made for made in changes.made if made in missing] == missing
    assert_done(case)


@pytest.mark.parametrize("case", ["create", "update", "destroy"])
def test_any_call_may_fail_reads_too(account: None, changes: Changes, case: str) -> None:
    """One run fails at its first call, the next one at its second, and so on, until one gets through."""
    before, command, _ = CASES[case]
    for earlier in before:
        run(*earlier)
    for number in range(40):
        changes.asked, changes.fail_at_call = 0, number
        done = run(*command, code=None)
        if done.exit_code == 0 and changes.asked <= number:
            break
        assert done.exit_code == 1 and "InternalFailure: as the test wants it" in done.stderr
    else:
        pytest.fail("it never gets through")
    assert number > 3
    changes.fail_at_call = -1
    assert_done(case)


def assert_done(case: str) -> None:
    counts = {kind: len(names) for kind, names in left().items()}
    gone = case in ("delete", "destroy")
    expected = 0 if gone or case == "role" else 1
    assert counts == {"endpoints": expected, "configs": expected, "models": expected}


@pytest.mark.parametrize(
    "command",
    [
        CREATE,
        (*CREATE, "--mode", "async", "--bucket", "pictures"),
        ("endpoint", "create", "--name", "horses", "--mode", "serverless"),
        (*CREATE, "--variant", f"name=b,weight=0.1,instance-type={GPU}", "--capture", "s3://pictures/kept"),
    ],
    ids=["real-time", "async", "serverless", "variants, capture"],
)
def test_the_second_time_nothing_changes(account: None, changes: Changes, command: Sequence[str]) -> None:
    run(*command)
    there = left()
    changes.made = []
    second = run(*command)
    assert changes.made == [] and left() == there
    assert "unchanged: endpoint horses" in second.stderr
    run(*DESTROY)
    assert left() == {"endpoints": [], "configs": [], "models": []}


def test_create_leaves_another_endpoint_alone(account: None, changes: Changes) -> None:
    run(*CREATE)
    changes.made = []
    refused = run(*CREATE, "--env", "A=1", code=1)
    assert "is there with other settings; `endpoint update` changes it" in refused.stderr
    assert changes.made == []


def test_destroy_leaves_what_is_not_ours(account: None) -> None:
    run(*CREATE)
    client = boto3.client("sagemaker", REGION)
    model = client.describe_model(ModelName=left()["models"][0])
    client.create_model(ModelName="horses-mine", ExecutionRoleArn=model["ExecutionRoleArn"])
    run(*DESTROY)
    assert left() == {"endpoints": [], "configs": [], "models": ["horses-mine"]}
