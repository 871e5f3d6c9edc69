"""A bucket before it is used: there, and in the region of everything else."""

from deploy.aws import Aws
from deploy.errors import DeployError


def check(aws: Aws, bucket: str) -> None:
    """DeployError where there is none, or where SageMaker in this region would not read from it."""
    found = aws.find(aws.client("s3").head_bucket, Bucket=bucket)
    if found is None and not aws.dry_run:
        raise DeployError(f"there is no bucket {bucket}: `aws s3 mb s3://{bucket} --region {aws.region}` makes it")
    region = (found or {}).get("BucketRegion", aws.region)
    if region != aws.region:
        raise DeployError(f"bucket {bucket} is in {region}; SageMaker in {aws.region} takes no models from there")
