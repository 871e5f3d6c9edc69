"""Where a deployment's files lie in S3, and how its role and images are called. One place, so that the role's policy,
`package` and the endpoint agree.

s3://BUCKET/maskserve/NAME/models/…      model.tar.gz, one folder a checksum
                          multi-model/                     what a multi-model endpoint loads from, by file name
                          input/                           pictures for an asynchronous endpoint
                          output/ failures/ capture/       what the endpoint writes
"""

import re
from dataclasses import dataclass

from deploy.aws import Aws
from deploy.s3 import Place

PREFIX = "maskserve"
_ECR = re.compile(
    r"(?P<base>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[a-z0-9._/-]+))(:(?P<tag>[\w.-]+)|@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def folder(bucket: str, name: str, what: str) -> str:
    """The S3 URI of one of the folders above, without a slash at its end."""
    return f"s3://{bucket}/{PREFIX}/{name}/{what}"


def place(bucket: str, name: str, what: str) -> Place:
    """The same to list or to put files into."""
    return Place.parse(folder(bucket, name, what)).folder()


def role_name(name: str) -> str:
    """The execution role that `role create` makes for a deployment."""
    return f"maskserve-{name}"


def role_arn(aws: Aws, role: str) -> str:
    """The ARN of a role of the account that is given by its name; an ARN as it is."""
    return role if role.startswith("arn:") else f"arn:{aws.partition}:iam::{aws.account}:role/{role}"


def registry(aws: Aws) -> str:
    """The host of the account's image registry in this region."""
    suffix = ".cn" if aws.partition == "aws-cn" else ""
    return f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com{suffix}"


def image_uri(aws: Aws, image: str) -> str:
    """A repository of the account, with or without a tag, as the URI of an image; a URI as it is."""
    return image if "/" in image and "." in image.split("/")[0] else f"{registry(aws)}/{image}"


@dataclass(frozen=True)
class EcrImage:
    """An image in ECR: what the parts of its URI say."""

    base: str  # the URI without tag and digest
    account: str
    region: str
    repository: str
    tag: str  # "" where the digest is given
    digest: str

    @classmethod
    def parse(cls, uri: str) -> "EcrImage | None":
        """None where the image lies in another registry."""
        found = _ECR.fullmatch(uri)
        if not found:
            return None
        digest = found["digest"] or ""
        tag = "" if digest else found["tag"] or "latest"
        return cls(found["base"], found["account"], found["region"], found["repository"], tag, digest)
