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


@pytest.mark.parametrize(
    "looked_at",
    [
        "import container.engines.kinds.torchvision_detection",
        "from container.engines.base import architectures; architectures.get('fcos_resnet50_fpn')",
    ],
)
def test_who_looks_at_a_kind_imports_no_compiler(looked_at: str) -> None:
    code = f"{looked_at}\nimport sys; assert 'torchvision' in sys.modules and 'torch._dynamo' not in sys.modules"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=90)
