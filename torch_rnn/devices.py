"""The device and the precision of PyTorch, and how to make it deterministic."""

import os

import torch


def choose_device(device: str) -> str:
    """Chooses and checks PyTorch's device.

    On a GPU it switches off cuDNN's TF32, which has ten bits in the mantissa instead of 23: float32 has to be float32.

    Args:
        device: "auto", which is cuda if there is one, else cpu; or a device of PyTorch, such as "cuda:1". With several
            processes of torchrun, "cuda" gives each process its own GPU.

    Returns:
        The name of the device.

    Raises:
        ValueError: for a device that PyTorch does not know or that this machine does not have.
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
        torch.cuda.set_device(torch.device(device).index or 0)  # streams and graphs use the current device
        torch.backends.cudnn.allow_tf32 = False
    return device


def make_deterministic() -> None:
    """Makes PyTorch give the same bits each time, as its notes on reproducibility say.

    Call it before anything runs on a GPU. From then on PyTorch raises RuntimeError for an operation that has no
    deterministic algorithm.
    """
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
