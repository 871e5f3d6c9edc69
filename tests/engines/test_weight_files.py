"""State dicts that fit in part, and weights in half precision."""

from pathlib import Path

import pytest
import torch
from torch import nn

from container.engines import weight_files
from container.errors import ModelError


def network(classes: int = 3, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, classes, 1))


def test_what_fits_by_name_and_shape_is_put_in_and_the_rest_is_named() -> None:
    module, other = network(classes=3), network(classes=5, seed=1)
    own = {name: value.clone() for name, value in module.state_dict().items()}
    state = {**other.state_dict(), "more.weight": torch.ones(2)}
    assert weight_files.fit_partly(module, state) == ["2.weight", "2.bias"]
    for name, value in module.state_dict().items():
        assert torch.equal(value, own[name] if name.startswith("2.") else state[name])


def test_counters_of_batch_norms_are_not_missed() -> None:
    state = {k: v for k, v in network(seed=1).state_dict().items() if not k.endswith("num_batches_tracked")}
    assert weight_files.fit_partly(network(), state) == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, "nothing in these weights fits"),
        ({"0.weight": torch.ones(9, 9)}, "nothing in these weights fits"),
        ({"encoder.0.weight": torch.ones(4, 3, 1, 1)}, "nothing in these weights fits"),
        ({"0.bias": torch.tensor([0, 1, float("nan"), 2])}, "not finite, first in 0.bias"),
        ({"0.bias": torch.tensor([0, 1, float("inf"), 2])}, "not finite, first in 0.bias"),
    ],
)
def test_weights_that_are_of_no_use_are_refused_and_nothing_is_put_in(state: weight_files.State, reason: str) -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(ModelError, match=reason):
        weight_files.fit_partly(module, state)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_what_does_not_fit_need_not_be_finite() -> None:
    state = {"0.bias": torch.ones(4), "2.bias": torch.full((9,), float("nan"))}
    assert "2.bias" in weight_files.fit_partly(network(), state)


def test_half_precision_is_half_the_file_and_close(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(16, 64, 3), nn.BatchNorm2d(64))
    paths = {half: tmp_path / f"{half}.safetensors" for half in (False, True)}
    for half, path in paths.items():
        weight_files.write(module, path, half)
    assert paths[True].stat().st_size < 0.6 * paths[False].stat().st_size
    full, half = (weight_files.read(paths[asked]) for asked in (False, True))
    assert {v.dtype for v in full.values()} == {torch.float32, torch.int64}
    assert {v.dtype for v in half.values()} == {torch.float16, torch.int64}
    again = nn.Sequential(nn.Conv2d(16, 64, 3), nn.BatchNorm2d(64))
    weight_files.fit(again, half)
    for name, value in again.state_dict().items():
        assert value.dtype == full[name].dtype
        torch.testing.assert_close(value, full[name], rtol=1e-3, atol=1e-6)


def test_weights_whose_channels_lie_last_are_written(tmp_path: Path) -> None:
    module = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    weight_files.write(module, tmp_path / "w.safetensors")
    assert torch.equal(weight_files.read(tmp_path / "w.safetensors")["weight"], module.weight)


def test_whoever_may_read_files_of_the_folder_may_read_weights(tmp_path: Path) -> None:
    weight_files.write(network(), tmp_path / "w.safetensors")
    (tmp_path / "plain").touch()
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
