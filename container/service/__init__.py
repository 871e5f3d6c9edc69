"""The service layer that the protocols call, independent of HTTP: the request pipeline and its dependencies."""

from container.service.pipeline import Pipeline, RequestContext
from container.service.services import Services

__all__ = ["Pipeline", "RequestContext", "Services"]
