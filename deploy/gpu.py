"""Which instances have an NVIDIA GPU, and which of SageMaker's machine images has a driver that the image's CUDA takes.

SageMaker's default image has driver 470 on some families and 535 or 550 on others, so without a word from us CUDA 12
or 13 may find no GPU. Sources: `ProductionVariant.InferenceAmiVersion` in SageMaker's API for the drivers; NVIDIA's
"CUDA compatibility" for what each major version of CUDA needs; PyTorch's builds for CUDA 13 begin at compute
capability 7.5.
"""

import re

from deploy.errors import DeployError

CUDA = "13.2"  # of torch 2.15.0 as PyPI has it, which the Dockerfile installs
DRIVERS = {11: 450, 12: 525, 13: 580}  # oldest driver for a major version of CUDA
# Those without CUDA's compatibility libraries mounted, which newer CUDA does not get on with; oldest first.
AMIS = {
    "al2-ami-sagemaker-inference-gpu-2-1": 535,
    "al2-ami-sagemaker-inference-gpu-3-1": 550,
    "al2023-ami-sagemaker-inference-gpu-4-1": 580,
}
TOO_OLD = {"p2": 12, "p3": 13}  # Kepler, Volta: the major version of CUDA that no longer builds for them
NEURON = re.compile(r"(inf|trn)\d")
ARM = re.compile(r"[cmr]\d+g[dn]?|p6e-gb\d+")  # Graviton; Grace


def family(instance_type: str) -> str:
    """`g5` of `ml.g5.xlarge`."""
    parts = instance_type.split(".")
    if len(parts) != 3 or parts[0] != "ml":
        raise DeployError(f"{instance_type!r} is no instance type; they look like ml.m5.xlarge")
    return parts[1]


def has_gpu(instance_type: str) -> bool:
    """Whether it is one of the families with NVIDIA's GPUs, which begin with g or p and a digit."""
    return re.match(r"[gp]\d", family(instance_type)) is not None


def ami(instance_type: str, cuda: str) -> str:
    """The machine image for an instance type, "" where SageMaker's default will do; DeployError where none does.

    cuda: the version that the container image is built for, or `none` for an image without CUDA.
    """
    kind = family(instance_type)
    if NEURON.match(kind):
        raise DeployError(f"{instance_type} has AWS's own accelerators, which this image cannot use")
    if ARM.fullmatch(kind):
        raise DeployError(f"{instance_type} has Arm processors, and the image is built for linux/amd64")
    if not has_gpu(instance_type) or cuda == "none":
        return ""
    major = int(cuda.split(".")[0]) if re.fullmatch(r"\d+(\.\d+)?", cuda) else 0
    if major not in DRIVERS:
        raise DeployError(f"--cuda {cuda}: known are {', '.join(map(str, DRIVERS))}, or none")
    if major >= TOO_OLD.get(kind, major + 1):
        raise DeployError(
            f"{instance_type} has a GPU that CUDA {cuda} no longer builds for; build the image with an older CUDA "
            "(`image build --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu126`, then --cuda 12.6)"
        )
    return next(name for name, driver in AMIS.items() if driver >= DRIVERS[major])
