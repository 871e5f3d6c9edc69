"""The application: the only place where the components are wired together."""

import importlib
import pkgutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from container import protocols
from container.engines import devices
from container.errors import ModelError, ModelNotFound
from container.fields import comma_list
from container.images.base import Limits
from container.images.pixel_budget import PixelBudget
from container.models import locate
from container.models.loading import Loader, Placement
from container.models.policies import Policy
from container.models.policies.catalogue import Catalogue
from container.models.policies.explicit import Explicit, Record
from container.models.pool import ModelPool
from container.models.store import Store as ModelStore
from container.service import Pipeline, Services
from container.service.embeddings import Embeddings
from container.service.sessions import Sessions
from container.settings import Settings, pairs, variables
from container.structures import ModelSpec
from container.web import access, errors, request_log
from container.web.body import BodyLimits
from container.web.common import Common
from container.web.protocol import Protocol
from container.web.protocol import protocols as registered
from container.web.site import Site
from container.workflows.invoked import accept

if TYPE_CHECKING:
    from container.service.recording import Recorder
    from container.store.store import Store

PICTURES_HELD = 3  # decoded, of the largest size, at once: two for one being decoded, one for one being predicted


def create_app(settings: Settings, services: Services | None = None) -> Site:
    """Create the WSGI application; without `services`, those of `settings` are created and started."""
    site = Site(enabled_protocols(settings), Common(settings), default_body_limits(settings))
    request_log.register(site)
    errors.register(site)
    access.require_key(site, access.Keys(comma_list(settings.api_key)))
    access.allow_origins(site, comma_list(settings.cors_origins))
    if services is None:
        services = create_services(settings, choose_policy(settings))
        services.pool.start()
    site.mount(services)
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


def choose_policy(settings: Settings, record: Path | None = None) -> Policy:
    """Return the policy of the model pool; ModelError if there is no model to serve.

    A multi-model endpoint keeps its models in the file `record` for the next process.
    """
    if settings.multi_model:
        return Explicit(Path(settings.base_dir) / "models", Record(record))
    return Catalogue(
        find_model(settings),
        ModelStore(Path(settings.model_store)) if settings.model_store else None,
        settings.max_active_models,
        pairs(settings.model_aliases),
        settings.processes,
        accept,
    )


def create_services(settings: Settings, policy: Policy) -> Services:
    """Create the services; `pool.start` starts loading models."""
    placement = Placement(
        device=settings.device,
        precision=settings.precision,
        backend=settings.backend,
        cpu_threads=settings.cpu_threads,
        workers=settings.processes,
        queue_size=settings.queue_size,
        batch_size=settings.batch_size,
    )
    loader = Loader(placement, bool(settings.store_predictions), accept)
    pool = ModelPool(policy, loader, settings.deadline_seconds if settings.processes > 1 else 0.0)
    pixels = PixelBudget(PICTURES_HELD * settings.max_pixels)
    store = open_store(settings)
    recorder = start_recorder(settings, store) if store and settings.store_predictions else None
    record = recorder.record if recorder else None
    pipeline = Pipeline(pool, image_limits(settings), pixels, settings.max_detections, record)
    # A session belongs to one process and one model.
    sessions_mb = settings.sessions_mb if settings.processes == 1 and policy.served else 0
    return Services(
        pipeline,
        settings.deadline_seconds,
        Sessions(settings.sessions_expiration, int(sessions_mb * 2**20)),
        Embeddings(int(settings.sam_cache_mb * 2**20)),
        store,
        recorder,
    )


def image_limits(settings: Settings) -> Limits:
    """Return the limits of images; ValueError names an invalid setting."""
    try:
        return Limits(
            max_pixels=settings.max_pixels,
            max_scans=settings.max_scans,
            max_body_bytes=settings.max_body_bytes or 2**40,
            url_hosts=comma_list(settings.url_hosts),
            url_timeout=settings.url_timeout,
        )
    except ValueError as reason:
        raise ValueError(f"{variables('url_hosts')[0]}: {reason}") from None


def find_model(settings: Settings) -> Path | ModelSpec:
    """Return the source of the model of `settings`, which may be an id of the store.

    ModelError if there is none, or if it cannot be looked at.
    """
    folder = Path(settings.base_dir) / "model"
    try:
        if settings.model_store and "/" in settings.model and not Path(settings.model).exists():
            store = ModelStore(Path(settings.model_store))
            with suppress(ModelNotFound):
                return store.source(store.find(settings.model))
        return locate.locate(settings.model, settings.weights, comma_list(settings.labels), folder)
    except OSError as error:
        raise ModelError(f"model {(settings.model or str(folder))[:100]!r} cannot be read: {error.strerror}") from None


def check(settings: Settings) -> tuple[list[Protocol], Policy]:
    """Return the enabled protocols and the policy, after all checks that are possible before a model is loaded.

    Raises ValueError or ModelError with a one-line message.
    """
    enabled = enabled_protocols(settings)
    image_limits(settings)
    if store := open_store(settings):
        store.close()
    policy = choose_policy(settings)
    check_policy(settings, policy)
    return enabled, policy


def open_store(settings: Settings) -> "Store | None":
    """Open the store of `settings`, if they name one; ValueError in one line if that cannot be done."""
    if not settings.store:
        return None
    from container.store.database import StoreError  # these load SQLAlchemy, for 0.2 s
    from container.store.store import Store

    try:
        return Store.open(settings.store, settings.store_database, settings.local_s3)
    except StoreError as error:
        raise ValueError(f"{variables('store')[0]}: {error}") from None


def start_recorder(settings: Settings, store: "Store") -> "Recorder":
    """Return what records answers in the store, as the settings ask for."""
    from container.service.recording import Recorder

    return Recorder(
        store, settings.store_predictions, settings.store_predictions_max, settings.store_predictions_baseline
    )


def check_policy(settings: Settings, policy: Policy) -> None:
    """Raise ModelError for a device that is not there, or a model that cannot be loaded, before anything is."""
    devices.check(settings.device, settings.precision, settings.backend)
    policy.check()
