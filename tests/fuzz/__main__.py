"""python -m tests.fuzz --seconds 600: each target its share of the time; new inputs and crashes are kept in .fuzz/."""

import argparse
import resource
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
KEPT = Path(".fuzz")
MEMORY = 128 << 20  # bytes that an input may take
NAMES = sorted(folder.name for folder in CORPUS.iterdir())


def main() -> int:
    """The number of targets that have failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(NAMES)}; all if none is named"
    )
    parser.add_argument("--seconds", type=int, default=600, help="for all of them together")
    parser.add_argument("--alone", choices=NAMES, help=argparse.SUPPRESS)  # the child process of one target
    options = parser.parse_args()
    if options.alone:
        fuzz(options.alone, options.seconds)
    names = options.targets or NAMES
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(max(1, options.seconds // len(names)))]
    failed = [name for name in names if subprocess.run([*command, "--alone", name]).returncode]
    print(f"failed: {', '.join(failed)}; the inputs lie in {KEPT}" if failed else "nothing was found")
    return len(failed)


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target and end the process, as libFuzzer does."""
    import atheris  # only where there is a wheel of it

    with atheris.instrument_imports(include=["container", "PIL"]):
        from tests.fuzz.targets import TARGETS

    # What takes more than this for some thousand pixels raises MemoryError, which the targets do not allow.
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, in_use + MEMORY))
    found = KEPT / name
    found.mkdir(parents=True, exist_ok=True)
    arguments = [
        *("-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"),
        f"-max_total_time={seconds}",
        f"-artifact_prefix={found}-",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(found), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
