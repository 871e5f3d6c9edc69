"""torchserve, which wants Java, an archive of the handler and a file of settings."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import free_port

HANDLER = Path(__file__).with_name("torchserve_handler.py")
SETTINGS = """
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{management}
metrics_address=http://127.0.0.1:{metrics}
default_workers_per_model={workers}
default_response_timeout=600
disable_token_authorization=true
"""

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="torchserve-", dir=os.environ["BENCH_FOLDER"]))
    archiver = [sys.executable, "-m", "model_archiver.model_packaging"]
    subprocess.run(
        [*archiver, "--model-name", "model", "--version", "1", "--handler", str(HANDLER), "--export-path", str(folder)],
        check=True,
    )
    ports = {"port": os.environ["PORT"], "management": free_port(), "metrics": free_port()}
    (folder / "settings").write_text(SETTINGS.format(workers=os.environ["WORKERS"], **ports))
    os.chdir(folder)
    arguments = ["--start", "--foreground", "--model-store", ".", "--models", "model=model.mar", "--ncs"]
    os.execv(sys.executable, [sys.executable, "-m", "ts.model_server", *arguments, "--ts-config", "settings"])
