"""A model from this machine to S3, under a key that holds its checksum: what is there already is not sent again."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boto3.s3.transfer import TransferConfig

from deploy import buckets, places
from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.s3 import Place

MULTIPART = 64 * 1024**2  # bytes of a file from which S3 takes it in parts


def upload(aws: Aws, source: Path, bucket: str, name: str) -> str:
    """Pack a model folder where it is none yet, upload it, and answer its S3 URI."""
    with archived(source) as archive:
        return put(aws, archive, f"{places.folder(bucket, name, 'models')}/{_checksum(archive)[:16]}/model.tar.gz")


def put(aws: Aws, archive: Path, uri: str) -> str:
    """Upload a file to `uri` unless the same is there already; the URI."""
    sha256 = _checksum(archive)
    place = Place.parse(uri)
    client = aws.client("s3")
    buckets.check(aws, place.bucket)
    found = aws.find(client.head_object, Bucket=place.bucket, Key=place.key)
    if found and found.get("Metadata", {}).get("sha256") == sha256:
        aws.say(f"unchanged: {uri}")
        return uri
    aws.say(f"{'would upload' if aws.dry_run else 'uploading'} {archive.stat().st_size / 1e6:.1f} MB to {uri}")
    # A dry run's answers hold no upload id, so there it is one call, as it is for most models anyhow.
    config = TransferConfig(multipart_threshold=sys.maxsize if aws.dry_run else MULTIPART)
    extra = {"Metadata": {"sha256": sha256}, "ChecksumAlgorithm": "SHA256"}
    client.upload_file(str(archive), place.bucket, place.key, ExtraArgs=extra, Config=config)
    aws.made("file", uri)
    return uri


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def archived(source: Path) -> Iterator[Path]:
    """The model.tar.gz for a folder, or the file itself; DeployError where it is plain that it is no model."""
    # numpy, OpenCV and pycocotools are not among deploy's own requirements; `serve` checks the same at its start.
    try:
        from container.errors import ModelError
        from container.models import archive, artifact
        from container.workflows.invoked import accept
    except ImportError as error:
        if source.is_dir():
            raise DeployError(f"packing a folder needs the packages of requirements.txt ({error.name})") from None
        yield source
        return
    try:
        with tempfile.TemporaryDirectory(prefix="maskserve-") as scratch:
            if source.is_dir():
                spec = artifact.read(source, Path(scratch))
                accept(spec)
                packed = Path(scratch) / "model.tar.gz"
                weights = Path(spec.weights)
                folder = artifact.entered(source)
                names = (artifact.DESCRIPTION, *([artifact.WORKFLOW] if spec.workflow else []))
                archive.pack({**{name: folder / name for name in names}, weights.name: weights}, packed)
                yield packed
            else:
                with artifact.opened(source) as spec:
                    accept(spec)
                yield source
    except ModelError as error:
        raise DeployError(str(error)) from None


def pack(weights: Path, architecture: str, labels: str, output: Path) -> None:
    """`python -m container pack`, in a process of its own since it needs torch."""
    command = [sys.executable, "-m", "container", "pack", "--architecture", architecture, "--weights", str(weights)]
    done = subprocess.run([*command, "--labels", labels, "--output", str(output)], stdout=sys.stderr, check=False)
    if done.returncode:
        raise DeployError(f"{weights} could not be packed")
