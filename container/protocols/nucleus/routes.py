"""All routes over a store, joined."""

import threading

from flask import Blueprint

from container.protocols.nucleus import (
    annotations,
    appending,
    benchmarks,
    commits,
    datasets,
    evaluations,
    exports,
    figures,
    items,
    jobs,
    leaderboards,
    models,
    predictions,
    presets,
    readings,
    runs,
    unavailable,
    uploads,
)
from container.protocols.nucleus.addresses import Addresses
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.shapes import Shapes
from container.protocols.nucleus.work import works
from container.scoring.scorer import Scorer
from container.store.runner import Runner
from container.store.store import Store

_PARTS = (
    datasets,
    items,
    appending,
    annotations,
    models,
    runs,
    commits,
    predictions,
    readings,
    exports,
    evaluations,
    figures,
    benchmarks,
    presets,
    leaderboards,
    jobs,
    uploads,
)


def add_routes(blueprint: Blueprint, store: Store, public_url: str, draining: threading.Event) -> Backend:
    """Add all routes and start the work on jobs, until the process is `draining`.

    `public_url` is what signed addresses begin with, "" for the host.
    """
    addresses = Addresses(store, public_url)
    backend = Backend(store, Runner(store, works()), Scorer(store, draining), addresses, Shapes(addresses))
    for part in _PARTS:
        part.add_routes(blueprint, backend)
    unavailable.add_look_alikes(blueprint)
    backend.runner.start()
    backend.scorer.runner.start()
    return backend
