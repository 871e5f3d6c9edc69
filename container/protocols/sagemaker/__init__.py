"""The SageMaker protocol: the hosting contract, and the runtime API that boto3 and the AWS CLI call."""

from container.protocols.sagemaker.protocol import SageMaker
from container.web.protocol import protocols

protocols.add("sagemaker", SageMaker)
