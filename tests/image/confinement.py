"""The server reads its image and writes to /tmp: whoever it runs as, whatever else is taken away."""

import json

from container.check.container_engine import Engine
from tests.image.containers import ask, check, check_exit, running, wait

MAY_WRITE = {"/tmp", "/dev/shm", "/dev/mqueue"}  # the latter two, in memory, every container engine provides

# Runs inside, as the user of the server: what that user may do, and where.
CONFINED = """
import json, os
status = dict(line.rstrip().split(":\\t", 1) for line in open("/proc/1/status") if ":\\t" in line)
writable = []
for folder, folders, _ in os.walk("/"):
    if os.access(folder, os.W_OK):
        writable.append(folder)
        folders.clear()
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
tops = ("/tmp", "/dev/shm", "/dev/mqueue")
written = [os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names]
print(json.dumps({
    "user": status["Uid"].split(),
    "group": status["Gid"].split(),
    "capabilities": [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "no new privileges": status["NoNewPrivs"],
    "writable": writable,
    "written": written,
}))
"""


def check_confinement(engine: Engine, photo: bytes) -> None:
    """As users that nobody knows, without capabilities, on a read-only root; and as root who may write anywhere."""
    for user in ("12345:12345", "2000000000:0"):
        with running(engine, "--network", "none", "--user", user, command=["serve"]) as name:
            serves(engine, name, photo, f"user {user}")
            found = json.loads(engine.text("exec", name, "python", "-I", "-c", CONFINED))
            ids = [[number] * 4 for number in user.split(":")]
            check("  runs as that user", [found["user"], found["group"]] == ids, str(found))
            check("  has no capabilities", not any(found["capabilities"]), str(found["capabilities"]))
            check("  may gain no privileges", found["no new privileges"] == "1")
            check("  may write to /tmp only", set(found["writable"]) <= MAY_WRITE, str(found["writable"]))
            print(f"figure: {len(found['written'])} files in /tmp and /dev/shm while it serves {found['written']}")
            check_exit(engine, name)

    with running(engine, "--network", "none", "--user", "0:0", hardened=False, command=["serve"]) as name:
        serves(engine, name, photo, "root that may write anywhere")
        check_exit(engine, name)
        written = changed(engine, name)
    idle = ("--network", "none", "--user", "0:0", "--entrypoint", "python")
    with running(engine, *idle, hardened=False, command=["-c", ""]) as name:
        engine("wait", name)
        written -= changed(engine, name)  # what the container engine puts there itself
    check("  writes nothing outside /tmp", not written, str(sorted(written)))


def serves(engine: Engine, name: str, photo: bytes, what: str) -> None:
    """It answers with JSON and with a picture, for which it reads a font."""
    wait(engine, name)
    status, _, body = ask(engine, name, photo, "application/json")
    check(what, status == 200 and b'"person ' in body, f"{status} {body[:300]!r}")
    status, kind, _ = ask(engine, name, photo, "image/png")
    check("  answers with a picture", (status, kind) == (200, "image/png"), f"{status} {kind}")


def changed(engine: Engine, name: str) -> set[str]:
    """Paths outside /tmp that differ from the image's: "A /run/lock" → "/run/lock"."""
    lines = engine.text("diff", name).splitlines()
    return {path for line in lines if not (path := line.split(" ", 1)[1]).startswith("/tmp")}
