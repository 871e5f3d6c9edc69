"""The execution role: made once, changed where it must be, and no wider than it says."""

import boto3

from tests.deploy.conftest import ACCOUNT, REGION, Changes, run

CREATE = ("role", "create", "--name", "horses", "--bucket", "pictures")
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:errors"


def test_made_unchanged_changed(mocked: None, changes: Changes) -> None:
    first = run(*CREATE)
    assert first.stdout == f"arn:aws:iam::{ACCOUNT}:role/maskserve-horses\n"
    assert changes.made == ["CreateRole", "PutRolePolicy"]
    run(*CREATE)
    assert changes.made == ["CreateRole", "PutRolePolicy"]
    changed = run(*CREATE, "--topic", TOPIC)
    assert changes.made == ["CreateRole", "PutRolePolicy", "PutRolePolicy"]
    assert "updated policy of role maskserve-horses" in changed.stderr


def test_what_it_may_do(mocked: None) -> None:
    run(*CREATE, "--repository", "masks", "--topic", TOPIC)
    policy = boto3.client("iam").get_role_policy(RoleName="maskserve-horses", PolicyName="maskserve")["PolicyDocument"]
    bucket = "arn:aws:s3:::pictures"
    allowed = {statement["Sid"]: statement["Resource"] for statement in policy["Statement"]}
    assert allowed == {
        "SignInToEcr": "*",
        "PullTheImage": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/masks",
        "ListTheDeploymentsFolder": bucket,
        "ReadModelsAndPictures": f"{bucket}/maskserve/horses/*",
        "WriteAnswers": [f"{bucket}/maskserve/horses/{folder}/*" for folder in ("output", "failures", "capture")],
        "WriteLogs": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/*",
        "WriteMetrics": "*",
        "WatchAlarmsDuringUpdates": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:horses-*",
        "TellTopics": [TOPIC],
    }
    actions = [a for s in policy["Statement"] for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])]
    assert not any("*" in action for action in actions)
