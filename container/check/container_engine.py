"""A container engine's command line: Docker's where it answers, else Podman's. Knows nothing of what is in an image."""

import shutil
import subprocess
from dataclasses import dataclass

# Nothing writable but /tmp (and /dev/shm), and nothing that a process may do beyond itself.
_HARDENED = (
    "--read-only",
    "--tmpfs",
    "/tmp:rw,size=512m,mode=1777",
    "--cap-drop",
    "all",
    "--security-opt",
    "no-new-privileges",
)


class Unavailable(Exception):
    """No engine can build or run an image here; says why."""


@dataclass(frozen=True)
class Engine:
    """`engine("run", …)` runs `docker run …` or `podman run …`."""

    name: str

    def __call__(
        self, *args: str, check: bool = True, input: bytes | None = None, timeout: float | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """RuntimeError with what the engine says where it fails, unless `check` is off."""
        done = subprocess.run([self.name, *args], capture_output=True, input=input, timeout=timeout)
        if check and done.returncode:
            raise RuntimeError(f"{self.name} {' '.join(args)[:200]}\n{done.stdout.decode()}{done.stderr.decode()}")
        return done

    def text(self, *args: str) -> str:
        """What the command prints, trimmed."""
        return self(*args).stdout.decode().strip()

    def hardening(self) -> tuple[str, ...]:
        """Options that leave nothing writable but /tmp, and no capability."""
        # Podman makes /run and /var/tmp writable on its own, where Docker does not.
        return (*_HARDENED, *(("--read-only-tmpfs=false",) if self.name == "podman" else ()))


def find() -> Engine:
    """The engine that answers; Unavailable where none does."""
    for name in ("docker", "podman"):
        if answers(name):
            return Engine(name)
    raise Unavailable("neither Docker nor Podman answers")


def answers(name: str) -> bool:
    """Whether the engine of that name runs here."""
    return bool(shutil.which(name)) and subprocess.run([name, "info"], capture_output=True, timeout=60).returncode == 0
