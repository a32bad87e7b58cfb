"""Many comparisons of NumPy and PyTorch, kept in a file as they finish: scripts/compare.py --seeds, and --against."""

import argparse
import io
import json
import platform
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from common.command_line import blas, check_apart, check_writable, load_data, use_threads
from common.comparison_picture import draw_table
from common.comparison_table import Run, against, read, report, table
from common.ladder_results import T_95
from common.run_folder import check_out, place
from common.workers import run_all

import numpy as np
import torch
from tqdm import tqdm

from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.config import Config
from numpy_rnn.sentiment.data.text import data_digest
from torch_rnn.comparison import Comparison

FILES = {"json": "results.json", "picture": "compare.png"}
EQUAL_WORK = 0.05  # the share of padding up to which both do about the same work


class Results:
    """A JSON file of finished runs, written anew after each, so that a stopped command goes on from there.

    Args:
        file: the file; None keeps nothing.
        about: what all runs have in common; a file with anything else is refused.
    """

    def __init__(self, file: str | None, about: dict[str, Any]):
        self.file, self.about, self.runs = file, about, list[Run]()
        if file and Path(file).exists():
            there, self.runs = read(file)
            for name in sorted(about.keys() | there.keys()):
                mine, its = about.get(name), there.get(name)
                expect(mine == its, f"json, {name}", f"{its!r}, as in {file}, or another file", repr(mine))

    def missing(self, cells: list[str], seeds: list[int]) -> list[tuple[str, int]]:
        done = {(run["cell"], run["seed"]) for run in self.runs}
        return [job for job in product(cells, seeds) if job not in done]

    def add(self, run: Run) -> None:
        self.runs.append(run)
        if self.file:
            with atomic_write(self.file) as stream:
                stream.write(json.dumps({"about": self.about, "runs": self.runs}, indent=1).encode())


def compare_files(args: argparse.Namespace) -> int:
    """--json FILE against --against OTHER: status 1 where an accuracy differs beyond the spread."""
    expect(args.json is not None, "against", "--json FILE, the results to compare with it", "none")
    (about, here), (other, there) = read(args.json), read(args.against, "against")
    found = against(here, there)
    print(report(found, about, other))
    return 1 if any(d.beyond and not d.same for d in found) else 0


def compare_many(args: argparse.Namespace, config: Config) -> int:
    """Every cell with every seed; what stands in --json already is not trained again."""
    expect(not args.lockstep and args.steps is None, "seeds", "whole runs, free running", "--lockstep or --steps")
    expect(args.log is None, "log", "no --log with --seeds or --cells", repr(args.log))
    for argument in ("json", "picture"):
        check_writable(argument, getattr(args, argument))
    check_apart(json=args.json, picture=args.picture)
    check_out(args)
    check_size("jobs", args.jobs)
    cells, seeds = args.cells or [config.cell], args.seeds or [config.seed]
    most = len(T_95) + 1
    expect(len(set(seeds)) == len(seeds) <= most, "seeds", f"at most {most}, all different", seeds)
    expect(len(set(cells)) == len(cells), "cells", "all different", cells)
    about = {name: value for name, value in asdict(config).items() if name not in ("cell", "seed")}
    with redirect_stdout(io.StringIO()):  # load_data tells what it reads
        digest = data_digest(load_data(args, config))
    about |= {"data": args.data, "data digest": digest}
    about |= {"threads": args.threads, "device": args.device, "blas": blas()}
    about |= {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__}
    results = Results(args.json, about)
    missing = results.missing(cells, seeds)
    print(f"Runs to be done (cell, seed): {', '.join(f'{c} {s}' for c, s in missing) or 'none'}", flush=True)
    jobs = [(f"{cell}, seed {seed}", (args, replace(config, cell=cell, seed=seed))) for cell, seed in missing]

    def finished(run: Run) -> None:
        if args.json is None:
            place(args, FILES, "compare", args.data, config.system, *cells)
            tqdm.write(f"Each finished run is kept in {args.json}")
        results.file = args.json
        results.add(run)
        tqdm.write(f"{run['cell']}, seed {run['seed']}: NumPy {run['numpy']:.4f}, PyTorch {run['torch']:.4f}")

    failed = run_all(one_run, jobs, args.jobs, finished)
    order = {job: k for k, job in enumerate(product(cells, seeds))}
    shown = [run for run in results.runs if (run["cell"], run["seed"]) in order]
    shown.sort(key=lambda run: order[run["cell"], run["seed"]])
    if shown:
        print(f"\n{table(shown)}")
        place(args, FILES, "compare", args.data, config.system, *cells)
        with atomic_write(args.picture) as stream:
            draw_table(stream, shown)
        print(f"\nPicture: {args.picture}\nNumbers: {args.json}")
    expect(not failed, "runs", "all of them finished (the others are kept)", "; ".join(failed))
    return 0


def one_run(args: argparse.Namespace, config: Config) -> Run:
    """In a process of its own."""
    use_threads(args.threads)
    with redirect_stdout(io.StringIO()):  # load_data tells what it reads
        data = load_data(args, config)
    run = Comparison(data, config, args.device)
    epochs = list(run.epochs())
    accuracies = {trainer.name: trainer.evaluate(data.test)[1] for trainer in (run.numpy, run.torch)}
    ratio = median(row["numpy"]["seconds"] / row["torch"]["seconds"] for row in epochs)
    found = {"cell": config.cell, "seed": config.seed, "ratio": ratio, "equal_work": run.padding() <= EQUAL_WORK}
    return found | accuracies | {"divergence_step": run.divergence_step()}
