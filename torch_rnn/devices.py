"""Where PyTorch computes, in which precision, and whether it gives the same bits each time."""

import os

import torch


def choose_device(device: str) -> str:
    """ "auto" is cuda where there is one, else cpu; anything else is checked and stays what it is.

    Each of several processes that torchrun started gets a GPU of its own. float32 means float32 there, too: cuDNN's
    TF32, ten bits in the mantissa instead of 23, is switched off. Raises ValueError for a device that PyTorch does not
    know or that this machine does not have.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise ValueError(f"device: expected one that is here, such as cpu, got {device!r} ({reason})") from error
    if torch.device(device).type == "cuda":
        torch.cuda.set_device(torch.device(device).index or 0)  # streams and graphs are the current device's
        torch.backends.cudnn.allow_tf32 = False
    return device


def make_deterministic() -> None:
    """What PyTorch's notes on reproducibility ask for; call it before anything runs on a GPU.

    Where PyTorch has no deterministic algorithm for something, it raises RuntimeError from now on.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
