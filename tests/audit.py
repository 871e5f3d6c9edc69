"""python -m tests.audit: are vulnerabilities known of what is pinned? Not being able to tell is a failure too.

pip-audit exits with 0 where it was told nothing of any package. So it is asked about one more whose vulnerabilities
every database knows: where it does not report those, it has looked at nothing.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
CONTROL = "django==1.2"  # of 2010, with dozens of them


def main(arguments: Sequence[str]) -> int:
    """0: all packages are known and none is vulnerable; 1: some are; 2: nothing, or not everything, was checked."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as control:
        print(CONTROL, file=control, flush=True)
        files = [*(str(ROOT / name) for name in REQUIREMENTS), control.name]
        command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        command += ["--format", "json", *(word for file in files for word in ("--requirement", file)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = {package["name"]: package for package in json.loads(done.stdout)["dependencies"]}
        known = packages.pop(CONTROL.split("==")[0]).get("vulns")
    except (ValueError, KeyError):
        known, packages = None, {}
    if not known:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1][:200]
        print(f"audit: NOTHING WAS CHECKED: the database does not tell of {CONTROL}'s vulnerabilities ({reason})")
        return 2
    unknown = [name for name, package in packages.items() if "vulns" not in package]
    vulnerable = [(name, one) for name, package in packages.items() for one in package.get("vulns", ())]
    for name, one in vulnerable:
        fixed = ", ".join(one["fix_versions"]) or "no version"
        print(f"{name} {packages[name]['version']}: {one['id']}, mended in {fixed}")
    if unknown:
        print(f"audit: NOT CHECKED: {', '.join(unknown)}")
    print(
        f"audit: {len(packages) - len(unknown)} of {len(packages)} packages checked, {len(vulnerable)} vulnerabilities"
    )
    return 1 if vulnerable else 2 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
