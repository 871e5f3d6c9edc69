"""What moto 5.2.5 lacks of SageMaker and the command line needs, put into it; and moto's server with that.

    SAGEMAKER_BIND_TO_PORT=5000 python -m tests.deploy.moto_gaps        as the other servers of the tests get their port

An update is done at once, there are no inference components, and the quotas are those below.
"""

import json
import os
from typing import Any

from moto.sagemaker.responses import SageMakerResponse
from moto.servicequotas.responses import ServiceQuotasResponse

QUOTAS = {"ml.m5.xlarge": 4, "ml.g4dn.xlarge": 2}


def _update_endpoint(self: Any) -> str:
    """UpdateEndpoint: the other configuration holds."""
    endpoint = self.sagemaker_backend.endpoints[self._get_param("EndpointName")]
    endpoint.endpoint_config_name = self._get_param("EndpointConfigName")
    return json.dumps({"EndpointArn": endpoint.arn})


def _list_inference_components(self: Any) -> str:
    return json.dumps({"InferenceComponents": []})


def _list_service_quotas(self: Any) -> str:
    quotas = [{"QuotaName": f"{kind} for endpoint usage", "Value": value} for kind, value in QUOTAS.items()]
    return json.dumps({"Quotas": quotas})


def fill() -> None:
    """Put them in, for this process."""
    SageMakerResponse.update_endpoint = _update_endpoint
    SageMakerResponse.list_inference_components = _list_inference_components
    ServiceQuotasResponse.list_service_quotas = _list_service_quotas


if __name__ == "__main__":
    from moto.server import main

    fill()
    main(["-H", "127.0.0.1", "-p", os.environ["SAGEMAKER_BIND_TO_PORT"]])
