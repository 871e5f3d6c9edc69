"""What the protocols call: the pipeline of a request and what it needs, with no word of HTTP."""

from container.service.pipeline import Pipeline, RequestContext
from container.service.services import Services

__all__ = ["Pipeline", "RequestContext", "Services"]
