"""Where PyTorch computes, and whether it gives the same bits each time."""

from __future__ import annotations

import os

import torch


def choose_device(device: str) -> str:
    """ "auto" is cuda where there is one, else cpu; anything else is checked and stays what it is.

    Raises ValueError for a device that PyTorch does not know or that this machine does not have.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device: expected one that is here, such as cpu, got {device!r} ({reason})") from error
    return device


def make_deterministic() -> None:
    """What PyTorch's notes on reproducibility ask for; call it before anything runs on a GPU.

    Where PyTorch has no deterministic algorithm for something, it raises RuntimeError from now on.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
