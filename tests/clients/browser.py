"""A real browser, without a window and without the internet."""

import json
import shutil
import subprocess
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def browse(url: str, folder: Path) -> tuple[str, list[str]]:
    """The page after its scripts have run, and every address that it asked for; nothing hurt the page's policy."""
    folder.mkdir(exist_ok=True)
    net_log = folder / "net.json"
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        + ["--enable-logging=stderr", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        # What the browser itself would like to call does not resolve.
        + ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={folder / 'profile'}"]
        + [f"--log-net-log={net_log}", "--virtual-time-budget=8000", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Content Security Policy" not in done.stderr, done.stderr[-2000:]
    log = json.loads(net_log.read_text())
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    started = [
        event["params"] for event in log["events"] if event["type"] == start and "url" in event.get("params", {})
    ]
    # The browser's own requests have no origin; the page's have the page's.
    return done.stdout, [p["url"] for p in started if p.get("initiator", "not an origin") != "not an origin"]
