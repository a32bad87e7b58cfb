"""What scripts/benchmark.py measures on a CPU. All ways of a table alternate, in one process, with the same threads."""

import multiprocessing
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from common.command_line import use_threads
from common.layer_ways import FLOOR, WAYS, ByHand, Size, Way, layer_and_data, torch_way, ways

import numpy as np
from tqdm import tqdm

from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.batches import batches
from numpy_rnn.sentiment.data.text import Dataset
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.training import Trainer
from numpy_rnn.types import Array
from torch_rnn.training import TorchTrainer

PAUSE = 0.05  # seconds before a measurement, in which the thread pools of the others go to sleep
SHORT = 0.02  # what takes less is measured over several calls
BLOCK = 10  # batches in a row by one backend

Row = dict[str, Any]


def quartiles(values: Array) -> list[float]:
    """The lower quartile, the median, the upper quartile."""
    return [float(q) for q in np.percentile(values, (25, 50, 75))]


def measured(found: dict[str, Way], rounds: int, bar: Any) -> dict[str, Array]:
    """Seconds forward and backward of each way, (rounds, 2); every way once in each round."""
    seconds: dict[str, list[Array]] = {name: [] for name in found}
    short = {name: sum(way.seconds()) < SHORT for name, way in found.items()}
    for _ in range(rounds):
        for name, way in found.items():
            time.sleep(PAUSE)
            if short[name]:
                way.seconds()  # wakes its own thread pool
            seconds[name].append(np.mean([way.seconds() for _ in range(10 if short[name] else 1)], axis=0))
        bar.update()
    return {name: np.array(s) for name, s in seconds.items()}


def layer_row(cell: str, size: Size, threads: int, rounds: int, bar: Any) -> Row:
    """Every way's quartiles in milliseconds, and those of the ratio of numpy_rnn's time to the best other one's.

    JAX has threads of its own, so with one thread it does not count as the best.
    """
    use_threads(threads)
    seconds = measured(ways(cell, size), rounds, bar)
    total = {name: s.sum(axis=1) for name, s in seconds.items()}
    others = [name for name in WAYS[1:] if name in total and not (name == "JAX" and threads == 1)]
    best = min(others, key=lambda name: np.median(total[name]))
    return {
        "cell": cell,
        "size": size,
        "threads": threads,
        "ms": {name: quartiles(1e3 * t) for name, t in total.items()},
        "ms_forward": {name: quartiles(1e3 * s[:, 0]) for name, s in seconds.items() if name != "JAX"},
        "best": best,
        "ratio": quartiles(total[WAYS[0]] / total[best]),
        "of_products": quartiles(total[WAYS[0]] / total[FLOOR]),
    }


def lengths_row(cell: str, size: Size, threads: int, rounds: int, bar: Any) -> Row:
    """The time of a batch with lengths from T/4 to T, by that of a full batch times the share of real steps."""
    use_threads(threads)
    layer, x, d_output = layer_and_data(cell, size)
    lengths = np.random.default_rng(0).integers(size.T // 4, size.T, size.N, endpoint=True)
    both: dict[str, Way] = {"full": ByHand(layer, x, d_output), "lengths": ByHand(layer, x, d_output, lengths)}
    seconds = {name: s.sum(axis=1) for name, s in measured(both, rounds, bar).items()}
    ratio = seconds["lengths"] / (seconds["full"] * lengths.mean() / size.T)
    return {"cell": cell, "size": size, "threads": threads, "ratio": quartiles(ratio)}


def epoch_row(name: str, data: Dataset, config: Config, threads: int, count: int | None) -> Row:
    """Seconds of an epoch of training steps, or of its first `count`, in turns of BLOCK batches by each backend.

    Both get the same batches, of reviews of about the same length: there are few pads, which PyTorch computes and
    numpy_rnn does not. The tensors are made beforehand. The quartiles are those of the turns.
    """
    use_threads(threads)
    config = replace(config, buckets=True)
    ours = Trainer(build_model(len(data.vocabulary), config))
    theirs = TorchTrainer(ours)
    stream = islice(batches(data.train, config, 0), count)
    turns: list[tuple[float, float]] = []
    total = count or -(-len(data.train) // config.batch_size)
    with tqdm(total=total, desc=f"{config.cell}, threads: {threads}", leave=False, disable=None) as bar:
        while block := list(islice(stream, BLOCK)):
            tensors = [theirs.tensors(batch) for batch in block]
            turns.append((seconds_of(ours, block, config.lr), seconds_of(theirs, tensors, config.lr)))
            bar.update(len(block))
    numpy, torch = np.array(turns[len(turns) > 1 :]).T  # not the first turn, in which memory is new
    scale = total / len(turns) if len(turns) == 1 else total / (total - BLOCK)
    return {
        "data": name,
        "cell": config.cell,
        "threads": threads,
        "steps": total,
        "seconds": {"numpy": float(numpy.sum() * scale), "torch": float(torch.sum() * scale)},
        "whole": float(numpy.sum() / torch.sum()),
        "ratio": quartiles(numpy / torch),
    }


def seconds_of(trainer: Any, block: list[Any], lr: float) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    for batch in block:
        trainer.step(batch, lr)
    return time.perf_counter() - start


def memory_row(cell: str, size: Size) -> Row:
    """The peak of forward and backward in MiB, beyond what was there before, in a process for each backend."""
    context = multiprocessing.get_context("spawn")
    found = {}
    for name in WAYS[:2]:
        with context.Pool(1) as pool:
            found[name] = pool.apply(peak_mebibytes, (cell, size, name))
    return {"cell": cell, "size": size, "MiB": found, "ratio": found[WAYS[0]] / found[WAYS[1]]}


def peak_mebibytes(cell: str, size: Size, name: str) -> float:
    """Of this process, with one thread, which has done a small step before."""
    use_threads(1)
    for T in (2, size.T):
        layer, x, d_output = layer_and_data(cell, size._replace(T=T))
        way = ByHand(layer, x, d_output) if name == WAYS[0] else torch_way(layer, x, d_output)
        before = resident("VmRSS")
        way.seconds()
    return max(resident("VmHWM") - before, 2**-8)  # at least a page


def resident(which: str) -> float:
    """MiB in memory: now, VmRSS, or at most so far, VmHWM. (getrusage's maximum may be that of the parent process.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith(which))
