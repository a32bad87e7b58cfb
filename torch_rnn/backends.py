"""One trainer for either backend, on one process or several."""

from collections.abc import Callable
from typing import Any

import numpy as np

from numpy_rnn.checks import check_choice, check_flag, check_type, expect
from numpy_rnn.sentiment.models import SentimentModel
from numpy_rnn.sentiment.training import AnyTrainer, Trainer
from torch_rnn.convert import from_torch
from torch_rnn.distributed import launched_by_torchrun

Start = Callable[[SentimentModel], AnyTrainer]


def choose_backend(
    backend: str, device: str = "auto", deterministic: bool = False, capture: bool = False
) -> tuple[Start, dict[str, Any]]:
    """How to train a new NumPy model in a backend.

    Args:
        backend: "numpy", or "torch", on several processes if torchrun started this one.
        device: "auto", "cpu", "cuda", ..., see `devices.choose_device`. With "numpy" only "auto" or "cpu".
        deterministic: whether PyTorch has to give the same bits each time, see devices.py.
        capture: whether the loop of an RNNCellNet becomes a CUDA graph.

    Returns:
        A function that makes a trainer of a new NumPy model, and facts about the backend to be reported with results.
        In these "rank" is 0 for the process that prints and writes for all.

    Raises:
        ValueError: for another backend, a device that this machine does not have, "numpy" under torchrun, and where
            nothing can be captured.
    """
    check_choice("backend", backend, ("numpy", "torch"))
    check_type("device", device, str)
    deterministic, capture = check_flag("deterministic", deterministic), check_flag("capture", capture)
    expect(not capture or backend == "torch", "capture", "backend torch", repr(backend))
    if backend == "numpy":
        expect(not launched_by_torchrun(), "backend", "torch on several processes", repr(backend))
        expect(device in ("auto", "cpu"), "device", "auto or cpu with backend numpy", repr(device))
        return Trainer, {"backend": "numpy", "numpy": np.__version__, "processes": 1, "rank": 0}
    import torch

    from torch_rnn import devices, distributed
    from torch_rnn.training import TorchTrainer

    device, rank, processes = devices.choose_device(device), 0, 1
    expect(not capture or device.startswith("cuda"), "capture", "a CUDA device", repr(device))
    expect(not capture or not launched_by_torchrun(), "capture", "one process, without torchrun", "torchrun")
    kind: type[TorchTrainer] = TorchTrainer
    if deterministic:
        devices.make_deterministic()
    if launched_by_torchrun():
        rank, processes = distributed.join(device)
        kind = distributed.DistributedTrainer
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device

    def start(model: SentimentModel) -> AnyTrainer:
        trainer, config = kind(Trainer(model), device), model.config
        if capture:
            fits = config.system == "rnncell" and config.pad_to == "max_tokens"
            expect(fits, "capture", "system rnncell with pad_to max_tokens", config)
            trainer.model.capture(config.max_tokens, config.batch_size)  # type: ignore[operator]
        return trainer

    return start, {
        "backend": "torch",
        "torch": torch.__version__,
        "processes": processes,
        "rank": rank,
        "device": name,
        "deterministic": deterministic,
        "captured": capture,
    }


def numpy_trainer(trainer: AnyTrainer) -> Trainer:
    """The trainer as a NumPy trainer, with the parameters and the optimizer's moments, for the state of a run."""
    if isinstance(trainer, Trainer):
        return trainer
    from torch_rnn.training import optimizer_state

    twin = Trainer(from_torch(trainer.model))
    optimizer_state(trainer.optimizer, trainer.model, twin)  # type: ignore[attr-defined]
    return twin


def go_on_from(trainer: AnyTrainer, stopped: Trainer) -> None:
    """Gives a new trainer the parameters and the optimizer's state of a stopped one."""
    if trainer is not stopped:
        trainer.copy_state_from(stopped)  # type: ignore[attr-defined]


def numpy_model(trainer: AnyTrainer) -> SentimentModel:
    """The trained model as a NumPy model, for a checkpoint."""
    return trainer.model if isinstance(trainer, Trainer) else from_torch(trainer.model)
