"""Training from the first to the last step: data in, a model that can be served out."""

import copy
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader

from container import cores, memory
from container.datasets.base import Dataset
from container.engines import building, devices
from container.engines.base import ImageEngine
from container.engines.building import Network
from container.engines.kinds.torchvision_detection import Detector
from container.engines.kinds.torchvision_segmentation import SemanticNetwork
from container.engines.runtime import Runtime
from container.errors import DataError
from container.structures import ModelSpec, Options
from container.training import data, machine, network
from container.training.batches import Batches
from container.training.detection import DetectionTask
from container.training.evaluate import Report, evaluate
from container.training.hyperparameters import Hyperparameters
from container.training.journal import Journal
from container.training.machine import Machine
from container.training.objects import Item
from container.training.report import draw_curves, draw_predictions
from container.training.run import Run
from container.training.sagemaker import Places
from container.training.segmentation import SegmentationTask

log = logging.getLogger(__name__)

TASKS: dict[type[Network], type[Any]] = {Detector: DetectionTask, SemanticNetwork: SegmentationTask}
BACKGROUND = "__background__"
MAX_WORKERS = 8


def train(
    places: Places,
    hyperparameters: Hyperparameters,
    stopped: Callable[[], bool] = lambda: False,
    watch: Callable[[float], None] = lambda share: None,
) -> None:
    """Train a model and write it into `places.model`: the moving average of the weights at the end of the run.

    Goes on from a checkpoint where there is one, and leaves one however it ends. DataError, ModelError or TrainingError
    says in one line what is wrong, before the first step where it can.

    Args:
        stopped: asked before every step; true ends the run with a checkpoint and the model as it is.
        watch: told the share of the run that is done, after every step.
    """
    devices.check(hyperparameters.device, "fp32", "torch")
    memory.keep_high()
    random.seed(hyperparameters.seed)
    torch.manual_seed(hyperparameters.seed)
    task = task_of(hyperparameters.architecture)
    training, held_out = _read(places, hyperparameters)
    folders = task.usable(training)
    labels = (BACKGROUND, *(hyperparameters.labels or data.present(folders)))
    shares = data.shares(hyperparameters.shares, folders)
    validation = data.joined(held_out) if held_out else None
    here = machine.start(hyperparameters.device, hyperparameters.precision)
    built, spec, origin = network.build(hyperparameters, labels)
    run = Run(built.to(here.device), task, hyperparameters, here)
    if run.resume(places.checkpoints):
        origin = f"from the checkpoint of step {run.progress.step}"
    if here.first:
        _announce(folders, held_out, labels, origin)
    items = _items(folders, shares, labels, task, hyperparameters, here, run.progress.step)
    with Journal(places.output) if here.first else nullcontext() as journal:
        for losses in run.learn(items, stopped, places.checkpoints):
            watch(run.progress.share)
            if journal is None:
                continue
            journal.step(run.progress, losses, hyperparameters.batch_size * here.processes)
            if validation and run.progress.step % hyperparameters.evaluate_steps == 0 and run.progress.share < 1:
                _measure(run, spec, here, validation, journal)
        if journal is None:
            return
        if validation and run.finished:
            report = _measure(run, spec, here, validation, journal)
            spec = replace(spec, options=Options(confidence=report.best_confidence))
    network.write(run.network, spec, places.model, hyperparameters.half)
    if run.finished:
        draw_curves(places.output)
        draw_predictions(_engine(run, spec, here), validation or data.joined(folders), places.output)


def task_of(name: str) -> Any:
    """The task that trains an architecture; DataError for one that cannot be trained."""
    kind = network.find(name)
    if type(kind) not in TASKS:
        raise DataError(f"{name} is for {kind.kind}; a detector or a semantic model can be trained")
    return TASKS[type(kind)]()


def _measure(run: Run, spec: ModelSpec, here: Machine, validation: Dataset, journal: Journal) -> Report:
    report = evaluate(_engine(run, spec, here), validation)
    journal.say(run.progress, report.summary())
    return report


def _items(
    folders: Mapping[str, Dataset],
    shares: Mapping[str, float],
    labels: tuple[str, ...],
    task: Any,
    hyperparameters: Hyperparameters,
    here: Machine,
    step: int,
) -> Iterator[list[Item]]:
    """Batches without end, read by other processes."""
    photos = {name: dataset.photos for name, dataset in folders.items()}
    # A run that was interrupted goes on with other batches; each process of many has its own.
    seed = hyperparameters.seed + 1000 * step + here.process
    workers = hyperparameters.workers if hyperparameters.workers >= 0 else max(1, min(MAX_WORKERS, cores.count() // 2))
    loader = DataLoader(
        task.samples([photo for one in photos.values() for photo in one], labels, hyperparameters),
        batch_sampler=Batches(photos, shares, hyperparameters.batch_size, seed),
        num_workers=workers,
        collate_fn=list,
        generator=torch.Generator().manual_seed(seed),
        pin_memory=here.device.type == "cuda",
    )
    try:
        yield from loader
    except DataError as error:  # from another process it comes with its traceback, the reason last
        raise DataError(str(error).strip().rsplit("DataError: ", 1)[-1]) from error


def _engine(run: Run, spec: ModelSpec, here: Machine) -> ImageEngine:
    """What the run has learnt so far, as it would be served in fp32."""
    network = building.find(spec.architecture)
    built = building.Built(copy.deepcopy(run.network).eval(), spec, network, named=True)
    return building.start(built, Runtime(here.device, torch.float32))


def _read(places: Places, hyperparameters: Hyperparameters) -> tuple[dict[str, Dataset], dict[str, Dataset]]:
    """The training and the validation data, by folder."""
    training = data.read(
        places.train,
        hyperparameters.labels,
        annotations=hyperparameters.annotations,
        strict=hyperparameters.strict,
    )
    if places.validation is None:
        return training, {}
    validation = data.read(
        places.validation,
        annotations=hyperparameters.validation_annotations,
        split="validation",
        strict=hyperparameters.strict,
    )
    return training, validation


def _announce(
    folders: Mapping[str, Dataset], held_out: Mapping[str, Dataset], labels: tuple[str, ...], origin: str
) -> None:
    found = data.counts(folders)
    for use, datasets in (("training", folders), ("validation", held_out)):
        for dataset in datasets.values():
            log.info("%s data %s:", use, dataset.name)
            for line in dataset.summary():
                log.info("%s", line)
    log.info("objects: %s", ", ".join(f"{label} {found[label]}" for label in labels[1:]))
    log.info("network: %s", origin)
