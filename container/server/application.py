"""The gunicorn application: one master process, and workers that create the WSGI application after the fork.

Application(Settings.from_environ(os.environ)).run()  # this process becomes the master, until it is stopped
"""

import logging
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from container import failure, memory
from container.fields import comma_list
from container.server import listening
from container.server.startup import Startup
from container.server.worker import DrainingWorker
from container.settings import Settings

log = logging.getLogger(__name__)

# Threads: one for each request that the model is processing or has queued, so that the queue rejects requests before
# the threads run out, and spare ones for /ping and for slow senders, each of which occupies a thread until its read
# deadline. They are created on demand and cost about 50 KB each.
SPARE_THREADS = 700
KEPT = 600  # connections without a thread: new, or idle between two requests
SPARE_FILES = 100  # file descriptors for everything except connections


class _Log(Logger):
    """gunicorn's own log; a request's line is that of `web.request_log`, and gunicorn's took an eighth of a request."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write nothing."""


class Application(BaseApplication):
    """The gunicorn application for `settings`; `create` returns each worker's services, by default the real ones.

    `create` gets the settings, and the file in which a multi-model endpoint keeps its models for the next process. It
    may import anything, because it runs after the fork.
    """

    def __init__(self, settings: Settings, create: Callable[[Settings, Path | None], Any] | None = None) -> None:
        self.settings = settings
        self.services: Any = None  # this and `site` are set in a worker, by `load`
        self.site: Any = None
        self.startup = Startup()
        self._create = create
        # Set before anything imports prometheus_client, which reads its folder at import.
        self._metrics = tempfile.mkdtemp(prefix="maskserve-metrics-") if settings.processes > 1 else ""
        if self._metrics:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = self._metrics
        self._models = tempfile.mkdtemp(prefix="maskserve-models-") if settings.multi_model else ""
        memory.keep_low()
        threads = settings.queue_size + settings.batch_size + SPARE_THREADS
        files = _raise_descriptors(threads + KEPT + SPARE_FILES)
        self._connections = max(files - SPARE_FILES, files // 2)
        self._threads = min(threads, self._connections * 2 // 3)
        super().__init__()

    def run(self) -> None:
        """Become the master; exit with a one-line reason if the address cannot be listened on."""
        if reason := listening.obstacle(self.settings.host, self.settings.port):
            self._refuse(reason)
        super().run()

    def load_config(self) -> None:
        """Set the gunicorn settings."""
        settings = self.settings
        for name, value in {
            "bind": settings.address,
            "workers": settings.processes,
            "threads": self._threads,
            "worker_connections": self._connections,
            "worker_class": DrainingWorker,
            "backlog": 2048,
            "keepalive": 20,
            # This timeout covers only the worker's main loop, which does little work; but importing torch blocks it for
            # seconds.
            "timeout": 120,
            "graceful_timeout": 27,  # SageMaker kills 30 s after SIGTERM
            "preload_app": False,  # neither CUDA nor OpenMP survives a fork; `_when_ready` preloads what does
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
            "proc_name": "maskserve",
            "control_socket_disable": True,
            "logger_class": _Log,
            "logconfig_dict": _logging(settings),
            "when_ready": self._when_ready,
            "post_worker_init": self._worker_started,
            "worker_exit": self._worker_ends,
            "child_exit": self._worker_gone,
            "on_exit": self._on_exit,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Create the services and return the WSGI application; runs in a worker."""
        from container import app

        record = Path(self._models, "loaded.json") if self._models else None
        self.services = (self._create or _create_services)(self.settings, record)
        self.services.pool.start()
        self.site = app.create_app(self.settings, self.services)
        return self.site

    def _when_ready(self, server: Any) -> None:
        """Validate the settings once the port is open; exit with a one-line reason if they cannot be served."""
        server.handle_int = server.handle_term  # Ctrl-C drops no request either; a second one stops at once
        from container import app
        from container.errors import ModelError, ServingError

        settings = self.settings
        try:
            protocols, policy = app.check(settings)
        except (ValueError, ModelError, ServingError) as error:
            self._refuse(str(error))
        url = "http://" + settings.address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:")
        if settings.workers > settings.processes:
            log.warning("where models are loaded on demand there is one process; %d were asked for", settings.workers)
        if settings.processes > 1:
            from container.models import loading

            loading.preload()
        examples = [protocol.example for protocol in protocols if protocol.example and policy.served]
        greeting = f"Maskserve listens on {url} {policy.greeting.format(url=url)}"
        print(greeting, *("Try: " + example.format(url=url) for example in examples), sep="\n", flush=True)

    def _refuse(self, reason: str) -> NoReturn:
        print(f"maskserve: {reason}", file=sys.stderr, flush=True)
        failure.write(Path(self.settings.base_dir), reason)
        self._delete_folders()
        sys.exit(1)

    def _worker_started(self, worker: Any) -> None:
        """Watch the start of a new worker."""
        self.startup.watch(worker, self.services)

    def _worker_ends(self, server: Any, worker: Any) -> None:
        """Close the application; runs in a worker that was asked to stop."""
        self.startup.stopping()
        if self.site is not None:
            self.services.draining.set()  # as after a signal, which may not have been the reason
            self.site.close()

    def _worker_gone(self, server: Any, worker: Any) -> None:
        """Record that a worker exited and drop its gauges; runs in the master."""
        self.startup.died(worker)
        if self._metrics:
            from prometheus_client import multiprocess

            multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # typed only in part

    def _on_exit(self, server: Any) -> None:
        """Delete the temporary folders, and report the reason if start-up failed."""
        self._delete_folders()
        if self.startup.failure:
            self._refuse(self.startup.failure)

    def _delete_folders(self) -> None:
        for folder in filter(None, (self._metrics, self._models)):
            shutil.rmtree(folder, ignore_errors=True)


def _create_services(settings: Settings, record: Path | None) -> Any:
    from container import app

    return app.create_services(settings, app.choose_policy(settings, record))


def _raise_descriptors(wanted: int) -> int:
    """Raise the soft limit on file descriptors towards `wanted`, up to the hard limit; return the resulting number.

    Each connection takes one descriptor, and the default limit of many systems is 1024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def _logging(settings: Settings) -> dict[str, Any]:
    # At INFO gunicorn logs its own lifecycle, flask_cors each request, and botocore the source of its credentials; an
    # operator needs only the warnings.
    quiet = {"level": "WARNING", "handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": "container.telemetry.logs.JsonLines", "hidden": comma_list(settings.api_key)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "root": {"level": settings.log_level, "handlers": ["stderr"]},
        "loggers": {name: {**quiet, "qualname": name} for name in ("gunicorn.error", "flask_cors", "botocore")},
    }
