"""A container engine that can build: Docker where one answers, else Podman. It does not know what the image serves.

With Podman this also works where no registry answers: the base image is then put together from Debian's packages and
the machine's own Python 3.11, and the build borrows the machine's pip settings and certificates. Only the engine's
command line says so; the Dockerfile is the same.
"""

import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from container.check.container_engine import Engine, Unavailable, answers

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maskserve-image"
OFFICIAL_BASE = "python:3.11-slim-bookworm"
OWN_BASE = "localhost/maskserve-base"

# What Debian 12's own Python needs and the slim base image has.
DEBIAN_PACKAGES = (
    "ca-certificates,netbase,tzdata,libbz2-1.0,libexpat1,libffi8,libgdbm6,liblzma5,libncursesw6,libnsl2,libreadline8,"
    "libsqlite3-0,libssl3,libtirpc3,libuuid1,zlib1g"
)


@dataclass(frozen=True)
class Builder(Engine):
    """An engine that can build the image here."""

    build_options: tuple[str, ...] = ()

    def build(self, tag: str, *options: str) -> None:
        """Build the Dockerfile; the log goes to stderr."""
        command = [self.name, "build", "-t", tag, *self.build_options, *options, str(ROOT)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def find() -> Builder:
    """The engine of this machine, ready to build."""
    if answers("docker"):
        return Builder("docker")
    if not shutil.which("podman"):
        raise Unavailable("no Docker engine answers, and Podman is not installed")
    if os.geteuid() == 0:
        _settle_podman_of_root()
    if not answers("podman"):
        raise Unavailable("neither Docker nor Podman answers")
    # OCI's own image format has no health check.
    podman = Builder("podman", ("--format", "docker", "--network", "host", *_host_pip()))
    if podman("pull", "-q", OFFICIAL_BASE, check=False).returncode == 0:
        return podman
    _build_own_base(podman)
    own_base = ("--pull-never", "--build-arg", f"BASE_IMAGE={OWN_BASE}")
    return Builder(podman.name, (*podman.build_options, *own_base))


def _settle_podman_of_root() -> None:
    """Storage in the cache folder, and settings that also hold in a container or a small machine.

    Without systemd there is nobody to make cgroups through; without CAP_SYS_RESOURCE the limits that Podman raises by
    default end in "error setting rlimit type 7"; runc takes cgroup mounts that older versions of crun refuse.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    (CACHE / "containers.conf").write_text(
        f'[containers]\ndefault_ulimits = []\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n{runtime}'
    )
    (CACHE / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{CACHE}/store/graph"\nrunroot = "{CACHE}/store/run"\n'
    )
    os.environ["CONTAINERS_CONF"] = str(CACHE / "containers.conf")
    os.environ["CONTAINERS_STORAGE_CONF"] = str(CACHE / "storage.conf")


def _host_pip() -> tuple[str, ...]:
    """Options that lend the machine's pip settings and certificates to the build; the image keeps neither."""
    certificates = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if not certificates:
        return ()
    CACHE.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = {}
    for line in listed.splitlines():
        key, value = line.split("=", 1)
        name, value = key.rsplit(".", 1)[1].removeprefix("default-"), value.strip("'\"")
        if name in ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout") and "file:" not in value:
            settings[name] = value
    settings["cert"] = "/mnt/host/certificates.crt"
    pip_conf = CACHE / "pip.conf"
    pip_conf.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in sorted(settings.items())))
    return ("-v", f"{certificates}:{settings['cert']}:ro", "-v", f"{pip_conf}:/etc/pip.conf:ro")


def _build_own_base(podman: Engine) -> None:
    """The like of python:3.11-slim-bookworm, out of Debian's packages and the Python that runs this."""
    if podman("image", "exists", OWN_BASE, check=False).returncode == 0:
        return
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    # A Python in /usr cannot be told from the rest of the system.
    usable = "VERSION_CODENAME=bookworm" in release and sys.base_prefix != "/usr" and os.geteuid() == 0
    if not usable or not shutil.which("mmdebstrap"):
        raise Unavailable(
            f"no registry hands out {OFFICIAL_BASE}, and making a base image takes root, Debian 12, mmdebstrap "
            "and a Python 3.11 outside /usr"
        )
    sources = sorted(str(p) for p in Path("/etc/apt").glob("sources.list*/*") if p.suffix in (".list", ".sources"))
    tar = CACHE / "base.tar"
    python, target = sys.base_prefix, '"$1"/usr/local'
    left_out = "site-packages __pycache__ lib/python3.11/test lib/python3.11/config-* *.a bin/*".split()
    excluded = " ".join(f"--exclude='{pattern}'" for pattern in left_out)
    hooks = (
        f"tar -C '{python}' {excluded} -cf - lib include bin | tar -C {target} --no-same-owner -xf -",
        f"cp '{python}/bin/python3.11' {target}/bin/ && mkdir -p {target}/lib/python3.11/site-packages",
        f"ln -s python3.11 {target}/bin/python3 && ln -s python3.11 {target}/bin/python",
        'chroot "$1" ldconfig && chroot "$1" /usr/local/bin/python3.11 -m ensurepip',
        f"ln -sf pip3.11 {target}/bin/pip",
        'rm -rf "$1"/etc/apt/sources.list* "$1"/etc/resolv.conf "$1"/etc/hostname',
    )
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={DEBIAN_PACKAGES}"]
        + ["--aptopt=Acquire::Check-Valid-Until false", "--aptopt=Acquire::Check-Date false"]
        + [f"--customize-hook={hook}" for hook in hooks]
        + ["bookworm", str(tar), *sources],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    changes = (
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
        'CMD ["python3"]',
    )
    podman("import", "-q", *(word for change in changes for word in ("--change", change)), str(tar), OWN_BASE)
    tar.unlink()
