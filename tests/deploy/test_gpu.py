"""Which machine image an instance gets, and which instances the image cannot use."""

import pytest

from deploy import gpu, names
from deploy.errors import DeployError

OLD = "al2-ami-sagemaker-inference-gpu-2-1"
NEW = "al2023-ami-sagemaker-inference-gpu-4-1"


@pytest.mark.parametrize(
    ("instance_type", "cuda", "expected"),
    [
        ("ml.g5.xlarge", "13.2", NEW),
        ("ml.g4dn.xlarge", "13", NEW),
        ("ml.p5.48xlarge", "13.2", NEW),
        ("ml.g5.xlarge", "12.6", OLD),
        ("ml.p3.2xlarge", "12.6", OLD),
        ("ml.g5.xlarge", "none", ""),
        ("ml.m5.xlarge", "13.2", ""),
        ("ml.c7i.large", "13.2", ""),
    ],
)
def test_ami(instance_type: str, cuda: str, expected: str) -> None:
    assert gpu.ami(instance_type, cuda) == expected


@pytest.mark.parametrize(
    ("instance_type", "cuda", "problem"),
    [
        ("ml.p3.2xlarge", "13.2", "no longer builds for"),
        ("ml.p2.xlarge", "12.6", "no longer builds for"),
        ("ml.trn1.2xlarge", "13.2", "own accelerators"),
        ("ml.m6gd.large", "13.2", "Arm"),
        ("ml.c8g.large", "none", "Arm"),
        ("ml.g5.xlarge", "99", "known are 11, 12, 13"),
        ("ml.g5.xlarge", "new", "known are 11, 12, 13"),
        ("m5.xlarge", "13.2", "no instance type"),
    ],
)
def test_refused(instance_type: str, cuda: str, problem: str) -> None:
    with pytest.raises(DeployError, match=problem):
        gpu.ami(instance_type, cuda)


def test_the_images_are_sagemakers() -> None:
    assert set(gpu.AMIS) <= set(names.service("sagemaker").shape_for("ProductionVariantInferenceAmiVersion").enum)


def test_every_instance_type_is_sorted() -> None:
    """Each of SageMaker's types is taken, or refused with a reason that this image has."""
    for instance_type in names.service("sagemaker").shape_for("ProductionVariantInstanceType").enum:
        try:
            assert (gpu.ami(instance_type, gpu.CUDA) == NEW) == gpu.has_gpu(instance_type)
        except DeployError as refused:
            assert "no instance type" not in refused.message
