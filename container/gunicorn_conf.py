"""gunicorn's settings, out of ours."""

import logging
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from container import failure, memory
from container.loads import Loads
from container.settings import Settings, comma_list
from container.worker import DrainingWorker

log = logging.getLogger(__name__)
settings = Settings.from_environ(os.environ)
DrainingWorker.settings = settings

bind = f"{settings.host}:{settings.port}"
workers = settings.processes
# One for each request that the model holds or has waiting, so that the queue refuses before the threads run out, and
# spare ones for /ping and for clients that are slow to send, each of which holds a thread until its read deadline.
# They are made when needed, and cost about 50 KB each.
SPARE_THREADS = 700
KEPT = 600  # connections without a thread: new, or open between two requests
SPARE_FILES = 100  # descriptors for all but connections
threads = settings.queue_size + settings.batch_size + SPARE_THREADS
# Each connection is a descriptor, of which many systems give 1024 unasked.
_soft, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
_files = threads + KEPT + SPARE_FILES
if _soft != resource.RLIM_INFINITY and _soft < _files:
    _files = _files if _most == resource.RLIM_INFINITY else min(_most, _files)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_files, _most))
worker_connections = max(_files - SPARE_FILES, _files // 2)
threads = min(threads, worker_connections * 2 // 3)
worker_class = "container.worker.DrainingWorker"
backlog = 2048
keepalive = 20
# Only the worker's main loop is watched by this, and it hardly works; but importing torch holds it up for seconds.
timeout = 120
graceful_timeout = 27  # SageMaker kills 30 s after SIGTERM
preload_app = False  # neither CUDA nor OpenMP survives a fork; when_ready imports what does
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
proc_name = "maskserve"
control_socket_disable = True
accesslog = None
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "container.telemetry.logs.JsonLines", "hidden": comma_list(settings.api_key)}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "root": {"level": settings.log_level, "handlers": ["stderr"]},
    # gunicorn speaks of itself at INFO, flask_cors of requests, botocore of where credentials lie: warnings are what an
    # operator needs.
    "loggers": {
        name: {"level": "WARNING", "handlers": [], "propagate": True, "qualname": name}
        for name in ("gunicorn.error", "flask_cors", "botocore")
    },
}


memory.keep_low()
_metrics_dir = tempfile.mkdtemp(prefix="maskserve-metrics-") if workers > 1 else ""
if _metrics_dir:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_dir
_loads = DrainingWorker.loads = Loads()
_models_dir = tempfile.mkdtemp(prefix="maskserve-models-") if settings.multi_model else ""


def when_ready(server: Any) -> None:
    """The port is open: refuse now, in one line, what cannot be served."""
    server.handle_int = server.handle_term  # Ctrl-C loses no request either; a second one ends at once
    from container import app
    from container.errors import ModelError, ServingError

    try:
        app.check(settings)
    except (ValueError, ModelError, ServingError) as error:
        _refuse(str(error))
    url = f"http://{'127.0.0.1' if settings.host == '0.0.0.0' else settings.host}:{settings.port}"
    if settings.multi_model:
        if settings.workers > 1:
            log.warning("a multi-model endpoint has one process; %d were asked for", settings.workers)
        print(f"Maskserve listens on {url} and takes models; {url}/docs says how.", flush=True)
        return
    if settings.workers > 1:
        from container.models import loading

        loading.preload()
    print(
        f"Maskserve listens on {url} and loads its model; {url}/ping says when it is ready, {url}/docs how to ask.\n"
        f"Try: curl --data-binary @photo.jpg -H 'Accept: image/png' -o masks.png {url}/invocations",
        flush=True,
    )


def _refuse(reason: str) -> NoReturn:
    print(f"maskserve: {reason}", file=sys.stderr, flush=True)
    failure.write(Path(settings.base_dir), reason)
    sys.exit(1)


def post_worker_init(worker: Any) -> None:
    """The application is there, and its model is being loaded, or those that the worker before this one had."""
    multi_model = worker.wsgi.extensions["services"].multi_model
    if multi_model is not None:
        from container.models.record import Record

        multi_model.start(Record(Path(_models_dir, "loaded.json")))
    _loads.watch(worker)


def worker_exit(server: Any, worker: Any) -> None:
    """In a worker that was asked to end."""
    _loads.stopping()
    application = getattr(worker, "wsgi", None)
    if application is not None and application.extensions.get("jobs") is not None:
        application.extensions["services"].draining.set()  # as after a signal, which need not have been the reason
        application.extensions["jobs"].close()


def child_exit(server: Any, worker: Any) -> None:
    """A worker is gone: its gauges count no more."""
    _loads.died(worker)
    if _metrics_dir:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library types only a part of itself


def on_exit(server: Any) -> None:
    """Leave nothing behind, and say why where it was not by order."""
    for folder in filter(None, (_metrics_dir, _models_dir)):
        shutil.rmtree(folder, ignore_errors=True)
    if _loads.failure:
        _refuse(_loads.failure)
