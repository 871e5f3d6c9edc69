"""The CloudFormation template: cfn-lint has nothing to say, and its role is that of `role create`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.commands import role
from tests.conftest import ROOT

TEMPLATE = ROOT / "deploy" / "template.yaml"
NAMES = {"AWS::Partition": "partition", "AWS::Region": "region", "AWS::AccountId": "account"}


def test_cfn_lint() -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--include-checks", "I", "--", str(TEMPLATE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


class _Loader(yaml.SafeLoader):
    """Reads `!Sub text` and `!Ref name` as the placeholders of the policies' own files, other functions as None."""


def _function(loader: Any, suffix: str, node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.ScalarNode) or suffix not in ("Sub", "Ref"):
        return None
    text = f"${{{node.value}}}" if suffix == "Ref" else str(node.value)
    return re.sub(r"\$\{([\w:]+)\}", lambda found: "${" + NAMES.get(found[1], found[1].lower()) + "}", text)


_Loader.add_multi_constructor("!", _function)


def test_its_role_is_ours() -> None:
    made = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)["Resources"]["Role"]["Properties"]
    assert made["Policies"][0]["PolicyDocument"] == json.loads((role.FOLDER / "execution-role.json").read_text())
    assert made["AssumeRolePolicyDocument"] == json.loads((role.FOLDER / "trust-policy.json").read_text())
