"""The server as gunicorn knows it: one master process, and workers that make the WSGI application after the fork.

Application(Settings.from_environ(os.environ)).run()  # this process becomes the master, until it is ended
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

from container import failure, memory
from container.server.startup import Startup
from container.server.worker import DrainingWorker
from container.settings import Settings, comma_list

log = logging.getLogger(__name__)

# Threads: one for each request that the model holds or has waiting, so that the queue refuses before the threads run
# out, and spare ones for /ping and for clients that are slow to send, each of which holds a thread until its read
# deadline. They are made when needed, and cost about 50 KB each.
SPARE_THREADS = 700
KEPT = 600  # connections without a thread: new, or open between two requests
SPARE_FILES = 100  # descriptors for all but connections


class Application(BaseApplication):
    """Serves with `settings`; `start` makes the services of each worker, by default those of the real model.

    A `start` of their own is for tests that serve something else. It may import what it likes: it runs after the fork.
    """

    def __init__(self, settings: Settings, start: Callable[[Settings], Any] | None = None) -> None:
        self.settings = settings
        self.services: Any = None  # these two in a worker, once `load` has made them
        self.site: Any = None
        self.startup = Startup()
        self._start = start
        # Before anything imports prometheus_client, which looks for its folder then.
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

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        settings = self.settings
        for name, value in {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.processes,
            "threads": self._threads,
            "worker_connections": self._connections,
            "worker_class": DrainingWorker,
            "backlog": 2048,
            "keepalive": 20,
            # Only the worker's main loop is watched by this, and it hardly works; but importing torch holds it up for
            # seconds.
            "timeout": 120,
            "graceful_timeout": 27,  # SageMaker kills 30 s after SIGTERM
            "preload_app": False,  # neither CUDA nor OpenMP survives a fork; `_when_ready` imports what does
            "worker_tmp_dir": "/dev/shm" if os.access("/dev/shm", os.W_OK) else None,
            "proc_name": "maskserve",
            "control_socket_disable": True,
            "accesslog": None,
            "logconfig_dict": _logging(settings),
            "when_ready": self._when_ready,
            "post_worker_init": self._worker_started,
            "worker_exit": self._worker_ends,
            "child_exit": self._worker_gone,
            "on_exit": self._on_exit,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application, in a worker."""
        from container import app

        self.services = (self._start or app.start_services)(self.settings)
        self.site = app.create_app(self.settings, self.services)
        return self.site

    def _when_ready(self, server: Any) -> None:
        """The port is open: refuse now, in one line, what cannot be served."""
        server.handle_int = server.handle_term  # Ctrl-C loses no request either; a second one ends at once
        from container import app
        from container.errors import ModelError, ServingError

        settings = self.settings
        try:
            protocols = app.check(settings)
        except (ValueError, ModelError, ServingError) as error:
            self._refuse(str(error))
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
            f"Maskserve listens on {url} and loads its model; {url}/ping says when it is ready, {url}/docs how to ask.",
            *(f"\nTry: {protocol.example.format(url=url)}" for protocol in protocols if protocol.example),
            sep="",
            flush=True,
        )

    def _refuse(self, reason: str) -> NoReturn:
        print(f"maskserve: {reason}", file=sys.stderr, flush=True)
        failure.write(Path(self.settings.base_dir), reason)
        sys.exit(1)

    def _worker_started(self, worker: Any) -> None:
        """The application is there, and its model is being loaded, or those that the worker before this one had."""
        if self.services.multi_model is not None:
            from container.service.multi_model import Record

            self.services.multi_model.start(Record(Path(self._models, "loaded.json")))
        self.startup.watch(worker, self.services)

    def _worker_ends(self, server: Any, worker: Any) -> None:
        """In a worker that was asked to end."""
        self.startup.stopping()
        if self.site is not None:
            self.services.draining.set()  # as after a signal, which need not have been the reason
            self.site.close()

    def _worker_gone(self, server: Any, worker: Any) -> None:
        """In the master: its gauges count no more."""
        self.startup.died(worker)
        if self._metrics:
            from prometheus_client import multiprocess

            multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # typed only in part

    def _on_exit(self, server: Any) -> None:
        """Leave nothing behind, and say why where it was not by order."""
        for folder in filter(None, (self._metrics, self._models)):
            shutil.rmtree(folder, ignore_errors=True)
        if self.startup.failure:
            self._refuse(self.startup.failure)


def _raise_descriptors(wanted: int) -> int:
    """How many descriptors there may be, after the limit was raised to `wanted` as far as it may be.

    Each connection is a descriptor, of which many systems give 1024 unasked.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def _logging(settings: Settings) -> dict[str, Any]:
    # gunicorn speaks of itself at INFO, flask_cors of requests, botocore of where credentials lie: warnings are what an
    # operator needs.
    quiet = {"level": "WARNING", "handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "container.telemetry.logs.JsonLines", "hidden": comma_list(settings.api_key)}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "root": {"level": settings.log_level, "handlers": ["stderr"]},
        "loggers": {name: {**quiet, "qualname": name} for name in ("gunicorn.error", "flask_cors", "botocore")},
    }
