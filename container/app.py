"""The application: the only place where the parts are joined."""

from dataclasses import replace
from pathlib import Path

from flask import Flask

from container import formats
from container.images.limits import Limits
from container.images.room import Room
from container.models import artifact, loading, locate
from container.models.loader import Loader
from container.models.repository import Repository
from container.objects import S3, Folder, Location
from container.protocols import access, browser, docs, errors, metrics, request_log
from container.protocols.sagemaker import async_invocation, attributes, endpoint, multi_model, negotiation, runtime
from container.protocols.sagemaker.async_invocation import Places
from container.protocols.sagemaker.invocation import Defaults
from container.service import Inference, Services
from container.service.jobs import Jobs
from container.service.multi_model import MultiModel
from container.service.services import DEFAULT_MODEL
from container.service.sessions import Sessions
from container.settings import Settings, comma_list, variables
from container.structures import ModelSpec

PICTURES_HELD = 3  # of the largest size, decoded, at once: one that is decoded, which takes two, while one is predicted


def create_app(settings: Settings, services: Services | None = None) -> Flask:
    """The WSGI application; without `services`, the model of `settings` begins to load in the background."""
    app = Flask("maskserve", static_folder=None)
    formats.load()
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    services = services or start_services(settings)
    defaults = read_defaults(settings)
    capacity = endpoint.BatchCapacity(settings.max_payload_mb, settings.max_concurrent_transforms, settings.processes)
    request_log.register(app)
    errors.register(app)
    keys = access.Keys(comma_list(settings.api_key))
    access.register(app, keys)
    browser.register(app, comma_list(settings.cors_origins))
    app.register_blueprint(endpoint.create_blueprint(services, defaults, capacity))
    if services.multi_model is not None:
        app.register_blueprint(multi_model.create_blueprint(services.multi_model, services, defaults))
    names = comma_list(settings.endpoint_names)
    app.register_blueprint(runtime.create_blueprint(services, defaults, names))
    places = read_places(settings)
    jobs = start_jobs(settings, services) if places.output else None
    app.register_blueprint(async_invocation.create_blueprint(services, defaults, names, places, jobs))
    app.register_blueprint(async_invocation.create_states_blueprint(jobs))
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(docs.create_blueprint(app, locked=bool(keys)))
    app.extensions["services"] = services
    app.extensions["jobs"] = jobs
    return app


def start_services(settings: Settings) -> Services:
    """The services of a server, its model loading; a multi-model endpoint's begin with MultiModel.start."""
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
        room=Room(PICTURES_HELD * settings.max_pixels),
    )
    sessions = sticky_sessions(settings)
    inference = Inference(repository, settings.max_detections)
    services = Services(repository, inference, limits, settings.deadline_seconds, sessions)
    if settings.multi_model:
        models = MultiModel(repository, Path(settings.base_dir) / "models", Loader(placement))
        return replace(services, multi_model=models)
    source = find_model(settings)
    repository.load(DEFAULT_MODEL, lambda: loading.load(source, placement))
    return services


def sticky_sessions(settings: Settings) -> Sessions:
    """A session lives in the process that made it, and what it holds is of the one model: else there are none."""
    held = settings.sessions_mb if settings.processes == 1 and not settings.multi_model else 0
    return Sessions(settings.sessions_expiration, int(held * 2**20))


def find_model(settings: Settings) -> Path | ModelSpec:
    """Where the model of `settings` comes from; ModelError where there is none."""
    folder = Path(settings.base_dir) / "model"
    return locate.locate(settings.model, settings.weights, comma_list(settings.labels), folder)


def read_defaults(settings: Settings) -> Defaults:
    """What answers look like where the caller says nothing; ValueError names the setting that is wrong."""
    media_type = settings.default_accept.split(";")[0].strip().lower()
    if media_type not in negotiation.OFFERS:
        raise ValueError(
            f"{variables('default_accept')[0]} is {media_type!r}; it takes {', '.join(negotiation.OFFERS)}"
        )
    given = attributes.parse(settings.default_attributes)
    if given.ignored or given.trace:
        raise ValueError(
            f"{variables('default_attributes')[0]} takes a JSON object of {', '.join(attributes.KEYS)}; "
            f"not {', '.join(given.ignored) or settings.default_attributes[:40]!r}"
        )
    return Defaults(media_type, given.values)


def read_places(settings: Settings) -> Places:
    """Where asynchronous requests read and write; ValueError names the setting that is wrong."""

    def parsed(name: str) -> tuple[Location, ...]:
        try:
            return tuple(Location.parse(one) for one in comma_list(getattr(settings, name)))
        except ValueError as reason:
            raise ValueError(f"{variables(name)[0]}: {reason}") from None

    outputs = parsed("async_output")
    if len(outputs) > 1:
        raise ValueError(f"{variables('async_output')[0]} is {settings.async_output!r}; it takes one path")
    if settings.local_s3 and not Path(settings.local_s3).is_dir():
        raise ValueError(f"{variables('local_s3')[0]} is {settings.local_s3!r}, which is no folder")
    return Places(outputs[0] if outputs else None, parsed("async_inputs"), settings.timeout or 3600.0)


def start_jobs(settings: Settings, services: Services) -> Jobs:
    """The queue of asynchronous requests."""
    store = Folder(Path(settings.local_s3)) if settings.local_s3 else S3()
    return Jobs(store, services.draining, errors.as_json)


def check(settings: Settings) -> None:
    """ValueError or ModelError, in one line, for whatever can be known to be wrong before the model is loaded."""
    read_defaults(settings)
    read_places(settings)
    if settings.multi_model:
        if settings.async_output:
            raise ValueError(
                f"{variables('async_output')[0]} is set, and multi-model endpoints take no asynchronous requests"
            )
        return
    source = find_model(settings)
    if isinstance(source, Path):
        artifact.check(source)
