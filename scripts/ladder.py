"""Why is my RNN at 50 %, and what is each repair worth? Trains the two systems from as written to repaired, one
repair more at each rung, with several seeds each; prints a table with 95 % intervals (Student's t over the seeds), with
a bag of words for scale, and draws a picture.

Every finished run is kept in the --results file at once: stopped by Ctrl-C, the same command goes on from there. On two
CPU cores a run on IMDB takes four to five minutes, the whole ladder of both systems with three seeds two to three
hours; a run with LSTM or GRU takes 11 to 27 minutes. --ends does only the first and the last rung. On the toy reviews
it is a rehearsal: networks and rates are theirs, the reviews are short, and nearly every rung gets everything right.

--diagnose CHECKPOINT trains nothing: it says in numbers and in a sentence what is wrong with one trained model.
"""

import argparse
import io
import os
import platform
import sys
import time
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from common.command_line import Parser, add_data_options, check_apart, check_writable, load_data, status_of
from common.ladder_picture import draw
from common.ladder_results import T_95, Results, rungs, table
from common.workers import run_all

from numpy_rnn.checks import check_size, expect
from numpy_rnn.files import atomic_write
from numpy_rnn.sentiment.checkpoint import load_checkpoint
from numpy_rnn.sentiment.config import CELLS, SYSTEMS, Config
from numpy_rnn.sentiment.data.text import TOKENIZERS, data_digest
from numpy_rnn.sentiment.diagnosis import diagnose, verdict
from numpy_rnn.sentiment.models import build_model
from numpy_rnn.sentiment.systems import for_toy
from numpy_rnn.sentiment.training import train
from torch_rnn.backends import choose_backend
from torch_rnn.distributed import launched_by_torchrun

EXAMPLES = """examples:
  .venv/bin/python scripts/ladder.py                                           toy reviews: some minutes
  .venv/bin/python scripts/ladder.py --data imdb --data-dir ../imdb --jobs 2   the whole of IMDB, two runs at a time
  .venv/bin/python scripts/ladder.py --data imdb --data-dir ../imdb --cells lstm gru --ends
"""


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    add_data_options(parser)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["rnncell", "basic"], help="(default: both)")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=["rnn"], help="(default: rnn)")
    parser.add_argument("--ends", action="store_true", help="only as written and repaired")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="(default: 0 1 2)")
    parser.add_argument("--backend", choices=("numpy", "torch"), default="numpy", help="(default: %(default)s)")
    parser.add_argument("--device", default="auto", help="of PyTorch (default: cuda if there is one)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time, one thread each (default: 1)")
    parser.add_argument("--report", action="store_true", help="train nothing: only what is finished")
    parser.add_argument("--results", metavar="FILE", default="ladder.json", help="(default: %(default)s)")
    parser.add_argument("--picture", metavar="FILE", default="ladder.png", help="(default: %(default)s)")
    parser.add_argument("--diagnose", metavar="CHECKPOINT", help="says what is wrong with this file of train.py")
    args = parser.parse_args(arguments)
    if args.diagnose is not None:
        return status_of("ladder.py", diagnose_one, args)
    return status_of("ladder.py", climb, args, f"finished runs are kept in {args.results}; the same command goes on")


def climb(args: argparse.Namespace) -> None:
    for argument in ("results", "picture"):
        check_writable(argument, getattr(args, argument))
    check_apart(results=args.results, picture=args.picture)
    jobs = check_size("jobs", args.jobs)
    expect(jobs <= (os.cpu_count() or 1), "jobs", f"at most {os.cpu_count()}, as there are cores", jobs)
    most = len(T_95) + 1
    expect(2 <= len(set(args.seeds)) == len(args.seeds) <= most, "seeds", f"2 to {most}, all different", args.seeds)
    expect(not launched_by_torchrun(), "ladder.py", "one process (give --jobs)", "torchrun")
    chosen = rungs(args.systems, args.cells, args.ends)
    if args.data == "toy":
        chosen = [rung._replace(config=for_toy(rung.config)) for rung in chosen]
    _, how = choose_backend(args.backend, args.device)
    about: dict[str, Any] = {"data": args.data, "backend": args.backend}
    named = args.data == "toy" or args.data_dir is not None or args.hub
    if named or not args.report:  # a report alone needs no reviews
        about["data_digest"] = digests(args)
    results = Results(args.results, about)
    note(results, args, how)
    pending = results.missing([replace(rung.config, seed=seed) for seed in args.seeds for rung in chosen])
    if not args.report:
        runs = [(f"{config.system} {config.cell}, seed {config.seed}", (args, config)) for config in pending]
        failed = run_all(train_once, runs, jobs, results.add)  # each finished run is in the file at once
        expect(not failed, "runs", "all of them finished", "; ".join(failed))
    print(table(results, chosen, args.seeds))
    with atomic_write(args.picture) as stream:
        draw(stream, results, chosen, args.seeds)
    print(f"\nResults: {args.results}. Picture: {args.picture}")


def digests(args: argparse.Namespace) -> dict[str, str]:
    """Of the whole reviews, by `words`. One grammar makes all toy reviews: those of seed 0 stand for any seed's."""
    with redirect_stdout(io.StringIO()):
        return {words: data_digest(load_data(args, Config(words=words, max_tokens=0))) for words in TOKENIZERS}


def note(results: Results, args: argparse.Namespace, how: dict[str, Any]) -> None:
    """What the results file tells about itself, and the order-blind baseline, once."""
    about = results.about
    if "bag_of_words_accuracy" not in about:
        print("A bag of words first, for scale.", flush=True)
        from common.baseline import bag_of_words_accuracy

        about |= how | {"python": platform.python_version(), "machine": machine(), "cores": os.cpu_count()}
        about["bag_of_words_accuracy"] = bag_of_words_accuracy(load_data(args, Config(max_tokens=0)))


def machine() -> str:
    """The processor's name, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def train_once(args: argparse.Namespace, config: Config) -> dict[str, Any]:
    """One run, in a process of its own: settings, what the epochs and the test brought, seconds."""
    begun = time.perf_counter()
    start_training, _ = choose_backend(args.backend, args.device)
    with redirect_stdout(io.StringIO()):
        data = load_data(args, config)
    trainer = start_training(build_model(len(data.vocabulary), config))
    epochs = list(train(trainer, data))
    loss, accuracy = trainer.evaluate(data.test)
    return {
        "config": asdict(config),
        "test": {"loss": loss, "accuracy": accuracy},
        "train_loss": [row["train_loss"] for row in epochs],
        "valid_loss": [row["valid_loss"] for row in epochs],
        "valid_accuracy": [row["valid_accuracy"] for row in epochs],
        "seconds": round(time.perf_counter() - begun, 1),
    }


def diagnose_one(args: argparse.Namespace) -> None:
    model, vocabulary = load_checkpoint(args.diagnose)
    data = load_data(args, model.config)
    expect(data.vocabulary == vocabulary, "checkpoint", "one that was trained on these reviews", "other words")
    d = diagnose(model, data.valid)
    print(f"""
loss per review                                  {d.loss:10.4f}   (by chance {d.chance_loss:.4f})
right answers                                    {d.accuracy:10.1%}   (by chance {d.chance:.1%} ± {d.noise:.1%})
the answer {d.answer:8}                              {d.share:10.1%}
P(positive), standard deviation                  {d.spread:10.3f}
correlation of P(positive) with the length       {d.length_correlation:10.2f}
pads between the last word and the read-out      {d.pads:10.1f}   (mean)
|dL/dx| at the last word                         {d.kept:10.1e}   (of the largest from there on, median)
|dL/dx| |x|, the largest of a review             {d.gradient:10.1e}   (mean)
f'(z), 1 for an open unit, 0 for a saturated one {d.slope:10.2f}   (mean)
standard deviation of the embeddings             {d.embedding_std:10.2f}

{verdict(d)}""")


if __name__ == "__main__":
    sys.exit(main())
