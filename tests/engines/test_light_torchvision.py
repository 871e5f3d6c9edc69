"""torch's compiler is not imported for a model, and is whole for who wants it afterwards."""

import subprocess
import sys

import pytest

LOAD = """
import sys
from container.models import loading, locate
loading.load(locate.EMBEDDED, loading.Placement(backend="{backend}"))
assert "torch._dynamo" not in sys.modules and "sympy" not in sys.modules
from torchvision.ops import roi_align
assert roi_align.__globals__["is_compile_supported"]("cpu") in (True, False)
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported("cpu") == roi_align.__globals__["is_compile_supported"]("cpu")
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
"""


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_model_is_loaded_without_the_compiler(backend: str) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", LOAD.format(backend=backend)], check=True, timeout=90)
