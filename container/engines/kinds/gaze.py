"""Gazes: where people in a picture look, by four networks of Open Model Zoo in OpenVINO's own files."""

from pathlib import Path

import torch

from container.engines import gaze_graphs, graph_trial
from container.engines.base import Architecture, architectures
from container.engines.gaze import GazeEngine, Network
from container.engines.runtime import Runtime, openvino_installed
from container.errors import ModelError
from container.structures import ModelSpec


class OpenModelZooGaze(Architecture):
    """A folder with the networks NAME.xml and NAME.bin, flat or as the downloader lays them out: intel/NAME/FP16/."""

    kind = "gaze detection"
    takes_folder = True
    # Measured peak in MB of loading and 1080p: 190 by 10 of files; the process of the trial takes 160 before that.
    memory_factor = 8.0
    memory_reserve = 160 << 20

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder that holds the last of the four, whose name says what all are for."""
        return gaze_graphs.is_there(folder)

    def load(self, spec: ModelSpec, runtime: Runtime) -> GazeEngine:
        """Try the networks in a process of their own, then compile them here; ModelError with a one-line reason."""
        if not openvino_installed():
            raise ModelError("a model of gazes needs OpenVINO, which is not installed: pip install openvino")
        from container.engines.openvino_core import compiled

        if not isinstance(spec.weights, Path) or not spec.weights.is_dir():
            raise ModelError("a model of gazes is a folder of four networks of Open Model Zoo")
        threads, bf16 = torch.get_num_threads(), runtime.dtype is torch.bfloat16
        graph_trial.tried("gaze_graphs", spec.weights, spec.parameters, spec.bytes, threads, bf16)
        read = gaze_graphs.graphs(spec.weights, spec.parameters)
        return GazeEngine(spec, {name: Network(one, compiled(one, threads, bf16)) for name, one in read.items()})


architectures.add("gaze", OpenModelZooGaze())
