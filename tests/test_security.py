"""SECURITY.md names tests and settings that exist."""

import re

from container.environment import settings_of
from container.settings import Settings, variables
from tests.conftest import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", TEXT)
    assert len(set(named)) >= 10
    assert [path for path in named if not (ROOT / path).is_file()] == []
    targets = re.findall(r"`make ([a-z-]+)", TEXT)
    assert set(targets) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_promise_has_a_test() -> None:
    body = TEXT.split("| Promise | Test |")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
    promises = [row for row in rows if not row[0].startswith("**")]
    assert promises
    assert [row[0] for row in promises if not row[1].startswith(("`tests/", "`make "))] == []


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:MASKSERVE|SAGEMAKER)_\w+)`", TEXT))
    assert named <= {name for f in settings_of(Settings) for name in variables(f.name)}
    assert {"MASKSERVE_API_KEY", "MASKSERVE_CORS_ORIGINS", "MASKSERVE_URL_HOSTS", "MASKSERVE_HOST"} <= named
