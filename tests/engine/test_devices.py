"""Where networks run."""

import pytest
import torch

from engine import devices
from engine.errors import EngineError
from engine.settings import Settings


@pytest.fixture
def cuda(monkeypatch):
    """Pretends that PyTorch sees a GPU, or none."""
    return lambda there: monkeypatch.setattr(torch.cuda, "is_available", lambda: there)


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_the_gpu_is_taken_when_there_is_one_and_it_may(cuda, asked, there, chosen):
    cuda(there)
    assert devices.choose(asked) == chosen


def test_asking_for_a_gpu_that_is_not_there_is_an_error(cuda):
    cuda(False)
    with pytest.raises(EngineError, match="PyTorch sees none"):
        devices.choose("cuda")


def test_an_unknown_device_is_named():
    with pytest.raises(EngineError, match="'tpu'"):
        devices.choose("tpu")


def test_without_a_wish_the_setting_counts(cuda, monkeypatch):
    cuda(True)
    monkeypatch.setattr(devices, "settings", lambda: Settings(device="cpu"))
    assert devices.choose() == "cpu"


@pytest.mark.parametrize(("fast", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_bfloat16_only_where_the_cpu_is_quick_at_it(monkeypatch, fast, dtype):
    monkeypatch.setattr(devices, "fast_bfloat16", lambda: fast)
    with devices.autocast("cpu"):
        assert (torch.ones(4, 4) @ torch.ones(4, 4)).dtype == dtype


def test_the_cpu_is_asked_once_and_answers():
    assert devices.fast_bfloat16() in (True, False)
