"""The application: the only place where the components are wired together."""

import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path

from container import formats, protocols
from container.images.base import Limits
from container.images.pixel_budget import PixelBudget
from container.models import artifact, loading, locate
from container.models.loading import Loader
from container.models.repository import Repository
from container.service import Pipeline, Services
from container.service.multi_model import MultiModel
from container.service.services import DEFAULT_MODEL
from container.service.sessions import Sessions
from container.settings import Settings, comma_list, variables
from container.structures import ModelSpec
from container.web import access, errors, request_log
from container.web.body import BodyLimits
from container.web.common import Common
from container.web.protocol import Protocol
from container.web.protocol import protocols as registered
from container.web.site import Site

PICTURES_HELD = 3  # decoded, of the largest size, at once: two for one being decoded, one for one being predicted


def create_app(settings: Settings, services: Services | None = None) -> Site:
    """Create the WSGI application; without `services`, start loading the model of `settings` in the background."""
    formats.load()
    site = Site(enabled_protocols(settings), Common(settings), default_body_limits(settings))
    request_log.register(site)
    errors.register(site)
    access.require_key(site, access.Keys(comma_list(settings.api_key)))
    access.allow_origins(site, comma_list(settings.cors_origins))
    site.mount(services or start_services(settings))
    return site


def enabled_protocols(settings: Settings) -> list[Protocol]:
    """Return the protocols named in the settings, or all; ValueError for an unknown one or an invalid setting."""
    there = [module.name for module in pkgutil.iter_modules(protocols.__path__)]
    wanted = comma_list(settings.protocols) or there
    for name in wanted:
        if name not in there:
            raise ValueError(f"{variables('protocols')[0]} names {name!r}; it takes {', '.join(there)}")
        importlib.import_module(f"{protocols.__name__}.{name}")  # importing registers it
    return [registered[name](settings) for name in wanted]


def default_body_limits(settings: Settings) -> BodyLimits:
    """Return the body limits for paths without limits of their protocol."""
    return BodyLimits(settings.max_body_bytes, settings.read_seconds, setting=variables("max_payload_mb")[0])


def start_services(settings: Settings) -> Services:
    """Create the services and start loading the model; for a multi-model endpoint, MultiModel.start does that."""
    repository = Repository(patience=settings.deadline_seconds if settings.processes > 1 else 0.0)
    placement = loading.Placement(
        device=settings.device,
        precision=settings.precision,
        backend=settings.backend,
        cpu_threads=settings.cpu_threads,
        workers=settings.processes,
        queue_size=settings.queue_size,
        batch_size=settings.batch_size,
    )
    limits = Limits(
        max_pixels=settings.max_pixels,
        max_scans=settings.max_scans,
        max_body_bytes=settings.max_body_bytes or 2**40,
        url_hosts=comma_list(settings.url_hosts),
        url_timeout=settings.url_timeout,
    )
    pixels = PixelBudget(PICTURES_HELD * settings.max_pixels)
    pipeline = Pipeline(repository, limits, pixels, settings.max_detections)
    services = Services(pipeline, settings.deadline_seconds, sticky_sessions(settings))
    if settings.multi_model:
        models = MultiModel(repository, Path(settings.base_dir) / "models", Loader(placement))
        return replace(services, multi_model=models)
    source = find_model(settings)
    repository.load(DEFAULT_MODEL, lambda: loading.load(source, placement))
    return services


def sticky_sessions(settings: Settings) -> Sessions:
    """Create the session store, disabled with several processes or models: a session belongs to one of each."""
    held = settings.sessions_mb if settings.processes == 1 and not settings.multi_model else 0
    return Sessions(settings.sessions_expiration, int(held * 2**20))


def find_model(settings: Settings) -> Path | ModelSpec:
    """Return the source of the model of `settings`; ModelError if there is none."""
    folder = Path(settings.base_dir) / "model"
    return locate.locate(settings.model, settings.weights, comma_list(settings.labels), folder)


def check(settings: Settings) -> list[Protocol]:
    """Return the enabled protocols, after all checks that are possible before the model is loaded.

    Raises ValueError or ModelError with a one-line message.
    """
    enabled = enabled_protocols(settings)
    if not settings.multi_model:
        source = find_model(settings)
        if isinstance(source, Path):
            artifact.check(source)
    return enabled
