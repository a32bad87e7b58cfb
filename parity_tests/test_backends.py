"""torch_rnn/backends.py and devices.py, as far as they can be tested without a GPU: stand-ins note what reaches it."""

import os
from types import SimpleNamespace

import pytest
import torch

from numpy_rnn.sentiment import build_model
from numpy_rnn.sentiment.systems import repaired
from torch_rnn.backends import choose_backend
from torch_rnn.devices import choose_device


def test_auto_is_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And each process of torchrun has its own; a stand-in for the GPUs notes which one became the current one."""
    current: list[int] = []
    zeros = torch.zeros(1)
    monkeypatch.setattr(torch, "zeros", lambda *_, device: zeros)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    assert not current
    assert torch.backends.cudnn.allow_tf32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == "cuda"
    assert not torch.backends.cudnn.allow_tf32  # float32 is float32
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("auto") == choose_device("cuda") == "cuda:1"
    assert (choose_device("cpu"), choose_device("cuda:3")) == ("cpu", "cuda:3")
    assert current == [0, 1, 1, 3]


def test_capture_reaches_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the trainer on a GPU notes what is recorded; only rnncell, always T steps long, can be."""
    recorded: list[tuple[str, int, int]] = []

    class StandIn:
        def __init__(self, twin_of: object, device: str):
            self.model = SimpleNamespace(capture=lambda T, N: recorded.append((device, T, N)))

    monkeypatch.setattr("torch_rnn.training.TorchTrainer", StandIn)
    monkeypatch.setattr("torch_rnn.devices.choose_device", lambda device: device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    begin, how = choose_backend("torch", "cuda", capture=True)
    begin(build_model(7, repaired("rnncell")))
    assert recorded == [("cuda", 200, 64)]
    assert (how["device"], how["captured"]) == ("a GPU", True)
    with pytest.raises(ValueError, match="capture: expected system rnncell with pad_to max_tokens"):
        begin(build_model(7, repaired("basic")))


def test_deterministic_is_what_pytorchs_notes_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    try:
        _, how = choose_backend("torch", "cpu", deterministic=True)
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert how["deterministic"]
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.backends.cudnn.benchmark
