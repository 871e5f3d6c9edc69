"""SageMaker's failure file: why a training job, or a server, has ended.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from contextlib import suppress
from pathlib import Path

CHARACTERS = 1024  # that SageMaker shows


def write(base: Path, reason: str) -> None:
    """Leave the reason in `output` of `base`, /opt/ml; nothing where SageMaker's folders are not or are closed."""
    if any((base / name).is_dir() for name in ("input", "model", "output")):
        with suppress(OSError):  # a read-only root, or another user's folder
            (base / "output").mkdir(exist_ok=True)
            (base / "output/failure").write_text(reason[:CHARACTERS], encoding="utf-8")
