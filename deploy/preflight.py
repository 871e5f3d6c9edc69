"""What is known to go wrong with an endpoint, found out before anything is made.

What the caller may not look at is passed over with a word, since SageMaker itself may be allowed to.
"""

import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import botocore.exceptions

from deploy import buckets, names, places
from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.hosting import Hosting
from deploy.s3 import Place

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OTHERS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MAX_IMAGE = 10 * 1000**3  # bytes, compressed, as its layers are stored
PAYLOADS = {"real-time": "25 MB and 60 s", "serverless": "4 MB and 60 s", "async": "1 GB and one hour"}


def image(aws: Aws, uri: str) -> str:
    """The URI of an image with its digest, so that a tag that moves does not go unseen.

    DeployError where it is not there, lies in another region, is over 10 GB or has a manifest that SageMaker refuses.
    """
    parsed = places.EcrImage.parse(uri)
    if parsed is None:
        aws.say(f"image {uri} does not lie in ECR: not looked at, and SageMaker needs a VPC to reach it")
        return uri
    if parsed.region != aws.region:
        raise DeployError(f"image {uri} lies in {parsed.region}; SageMaker in {aws.region} takes none from there")
    if aws.offline:
        return uri
    wanted = {"imageDigest": parsed.digest} if parsed.digest else {"imageTag": parsed.tag}
    answer = _if_allowed(
        aws,
        f"image {uri}",
        lambda: aws.find(
            aws.client("ecr").batch_get_image,
            registryId=parsed.account,
            repositoryName=parsed.repository,
            imageIds=[wanted],
            acceptedMediaTypes=[DOCKER, *OTHERS],
        ),
    )
    if answer is _NOT_ALLOWED:
        return uri
    if not answer or not answer["images"]:
        raise DeployError(f"image {uri} is not there; `image push` brings it")
    found = answer["images"][0]
    _check_manifest(uri, found)
    return f"{parsed.base}@{found['imageId']['imageDigest']}"


def _check_manifest(uri: str, found: dict[str, Any]) -> None:
    manifest = json.loads(found["imageManifest"])
    kind = found.get("imageManifestMediaType") or manifest.get("mediaType", "")
    if kind != DOCKER:
        raise DeployError(
            f"image {uri} has a manifest of type {kind}, which SageMaker refuses. Build it as `image build` does: "
            "docker buildx build --provenance=false --sbom=false --output type=docker, and push it with Docker's own "
            "image store (not containerd's), or with podman push --format v2s2"
        )
    size = sum(layer["size"] for layer in manifest["layers"])
    if size > MAX_IMAGE:
        raise DeployError(
            f"image {uri} has {size / 1e9:.1f} GB compressed; 10 GB are allowed. `image build --cpu` saves several GB"
        )


def role(aws: Aws, wanted: str) -> str:
    """The ARN of a role that is given by its name or ARN; DeployError where SageMaker may not take it on."""
    name = wanted.rsplit("/", 1)[-1]
    arn = places.role_arn(aws, wanted)
    find = _if_allowed(aws, f"role {name}", lambda: aws.find(aws.client("iam").get_role, RoleName=name))
    if find is _NOT_ALLOWED or (find is None and aws.dry_run):
        return arn
    if find is None:
        raise DeployError(f"there is no role {name}; `role create` makes one")
    if "sagemaker.amazonaws.com" not in json.dumps(find["Role"].get("AssumeRolePolicyDocument", {})):
        raise DeployError(f"role {name} does not trust sagemaker.amazonaws.com; `role create` makes one that does")
    return str(find["Role"]["Arn"])


def model_data(aws: Aws, uri: str) -> None:
    """DeployError where a model.tar.gz is not there."""
    place = Place.parse(uri)
    if aws.dry_run or not place.key or place.key.endswith("/"):
        return
    _if_allowed(aws, f"bucket {place.bucket}", lambda: buckets.check(aws, place.bucket))
    if (
        _if_allowed(aws, uri, lambda: aws.find(aws.client("s3").head_object, Bucket=place.bucket, Key=place.key))
        is None
    ):
        raise DeployError(f"there is no {uri}; `package` uploads a model")


def advise(aws: Aws, hosting: Hosting) -> None:
    """Say what the chosen mode takes and what may be a typing mistake; DeployError where the quota is too small."""
    aws.say(f"{hosting.mode}: a request may have {PAYLOADS[hosting.mode]}")
    wanted: Counter[str] = Counter()
    types: set[str] = set()
    for variant in (*hosting.variants, *([hosting.shadow] if hosting.shadow else [])):
        types.update(variant.instance_types)
        if len(variant.instance_types) == 1:  # of several, one that has no quota is not taken
            wanted[variant.instance_type] += variant.instances
    known = names.service("sagemaker").shape_for("ProductionVariantInstanceType").enum
    for instance_type in sorted(types - set(known)):
        like = difflib.get_close_matches(instance_type, known, 1)
        aws.say(f"{instance_type} is new to this boto3" + (f"; is {like[0]} meant?" if like else ""))
    if wanted and not aws.dry_run:
        _check_quotas(aws, wanted)


def _check_quotas(aws: Aws, wanted: Mapping[str, int]) -> None:
    """A new account's quota for most GPU instances is 0."""
    pages = aws.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    found = _if_allowed(aws, "the quota", lambda: [quota for page in pages for quota in page["Quotas"]])
    quotas = {} if found is _NOT_ALLOWED else {quota["QuotaName"]: quota["Value"] for quota in found}
    for instance_type, number in wanted.items():
        name = f"{instance_type} for endpoint usage"
        if number > quotas.get(name, number):
            raise DeployError(
                f"the quota {name!r} is {quotas[name]:.0f} in {aws.region}, and {number} are wanted: ask for more "
                "in the console under Service Quotas, Amazon SageMaker, or take another type"
            )


_NOT_ALLOWED: Any = object()


def _if_allowed(aws: Aws, what: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException", "403"):
            raise
        aws.say(f"{what} is not checked: you may not look at it")
        return _NOT_ALLOWED
