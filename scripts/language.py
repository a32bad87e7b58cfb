"""A recurrent network that writes: it learns the characters of a text, with a carried state and truncated BPTT.

The text is cut into streams, which are read side by side, a chunk at a time. The state at the end of a chunk is the
initial state of the next one; the gradient stops there. Every so often the loss and a sample are printed. Without a
text it learns toy reviews, such as "The plot was dull, but the music was superb.", and writes one within a minute.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice

from common.command_line import Parser, check_apart, check_new, printable, status_of
from common.language_model import CELLS, LanguageModel, build, load, one_hot, read_text, save, streams, write
from common.run_folder import add_out, check_out, last_folder, place

import numpy as np
from tqdm import tqdm

from numpy_rnn import Adam
from numpy_rnn.checks import check_number, check_size, expect
from numpy_rnn.sentiment.data.toy import toy_review
from numpy_rnn.sequence_model import chunks, train
from numpy_rnn.types import Array

CHECKPOINT = "language.npz"
EXAMPLES = """examples:
  .venv/bin/python scripts/language.py
  .venv/bin/python scripts/language.py --text mybook.txt --updates 20000
  .venv/bin/python scripts/language.py --sample "The plot was " --temperature 0.5
  .venv/bin/python scripts/language.py --lockstep --dtype float64 --updates 200
"""


def toy_text(reviews: int = 4000) -> str:
    rng = random.Random(0)
    return "\n".join(toy_review(rng)[0] for _ in range(reviews)) + "\n"


def pieces(numbers: Array, language: LanguageModel, steps: int) -> Iterator[tuple[Array, Array]]:
    """Chunks of the streams, for ever: x (steps, N, C), and the labels (steps, N), each the character that follows.

    At the end of the text it begins anew, and the state is carried on. A rest shorter than a chunk is left out.
    """
    while True:
        for x, labels in chunks(numbers[:-1], numbers[1:], steps):
            if len(x) == steps:
                yield one_hot(x, language), labels


def learn(language: LanguageModel, numbers: Array, args: argparse.Namespace) -> None:
    optimizer, start = Adam(language.model.params), time.perf_counter()
    data = islice(pieces(numbers, language, args.steps), args.updates)
    losses: list[float] = []
    bar = tqdm(total=args.updates, desc="updates", disable=None, leave=False)
    for loss in train(language.model, optimizer, data, args.lr, args.clip):
        losses.append(loss / args.steps)  # per character
        bar.update()
        if len(losses) % args.every == 0 or len(losses) == args.updates:
            rng = np.random.default_rng(args.seed)
            sample = write(language, "\n", args.length, args.temperature, rng).strip("\n").replace("\n", " / ")
            seconds = time.perf_counter() - start
            mean = np.mean(losses[-args.every :])
            tqdm.write(f"{len(losses):6}  {mean:.3f} per character  {seconds:4.0f} s  {printable(sample)}")
            save(args.checkpoint, language)
    bar.close()


def lockstep(language: LanguageModel, numbers: Array, args: argparse.Namespace) -> tuple[float, float]:
    """The largest differences to PyTorch over the updates: of the loss, and of a gradient, relative in norm.

    Both start every update with the same weights, each has carried its own state up to there.
    """
    import torch
    from torch.nn.functional import cross_entropy

    from torch_rnn import from_torch_names, to_torch
    from torch_rnn.comparison import relative_error
    from torch_rnn.training import copy_state_from, twin_optimizer

    model = language.model
    optimizer, module = Adam(model.params), to_torch(model)
    theirs, ours_h, their_h = twin_optimizer(optimizer, module), None, None
    worst_loss = worst_gradient = 0.0
    data = islice(pieces(numbers, language, args.steps), args.updates)
    for x, labels in tqdm(data, "updates", args.updates, disable=None):
        copy_state_from(model, optimizer, module, theirs)
        loss, grads, ours_h = model.gradients(x, labels, ours_h)
        module.zero_grad()
        logits, their_h = module(torch.tensor(x), their_h)
        their_loss = cross_entropy(logits.movedim(-1, 1), torch.tensor(labels), reduction="none").sum(dim=0).mean()
        their_loss.backward()
        their_h = tuple(h.detach() for h in their_h) if isinstance(their_h, tuple) else their_h.detach()
        autograds = from_torch_names(model, {name: np.asarray(p.grad) for name, p in module.named_parameters()})
        worst_loss = max(worst_loss, abs(loss - their_loss.item()) / abs(loss))
        worst_gradient = max(worst_gradient, *(relative_error(grads[name], autograds[name]) for name in grads))
        optimizer.step(grads, args.lr)
    return worst_loss, worst_gradient


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(description=__doc__, epilog=EXAMPLES)
    add = parser.add_argument
    add("--text", metavar="FILE", help="a text in UTF-8 (default: toy reviews)")
    add_out(parser)
    add("--checkpoint", metavar="FILE", help="(default: language.npz; with --sample the last one of --out)")
    add("--sample", metavar="TEXT", help="continue this text with the checkpoint, and train nothing")
    add("--length", type=int, default=120, help="characters of a sample (default: %(default)s)")
    add("--temperature", type=float, default=0.5, help="near 0 the likeliest character (default: %(default)s)")
    add("--cell", choices=CELLS, default="gru", help="(default: %(default)s)")
    add("--hidden-size", type=int, default=128, help="H (default: %(default)s)")
    add("--batch-size", type=int, default=32, help="N, streams side by side (default: %(default)s)")
    add("--steps", type=int, default=32, help="of a chunk: TBPTT(steps, steps) (default: %(default)s)")
    add("--updates", type=int, default=1000, help="(default: %(default)s)")
    add("--every", type=int, default=200, help="updates between two samples (default: %(default)s)")
    add("--lr", type=float, default=0.005, help="of Adam (default: %(default)s)")
    add("--clip", type=float, default=40.0, help="the largest norm of the gradients (default: %(default)s)")
    add("--dtype", choices=("float32", "float64"), default="float32", help="(default: %(default)s)")
    add("--seed", type=int, default=0, help="of weights and samples (default: %(default)s)")
    add("--lockstep", action="store_true", help="train beside PyTorch, and print how far the two differ")
    return status_of("language.py", run, parser.parse_args(arguments), "the last checkpoint stands")


def run(args: argparse.Namespace) -> None:
    for name in ("length", "hidden_size", "batch_size", "steps", "updates", "every"):
        check_size(name, getattr(args, name))
    check_size("seed", args.seed, least=0)
    for name in ("temperature", "lr", "clip"):
        check_number(name, getattr(args, name), 0, 1e9, open_low=True)
    if args.sample is not None:
        rng = np.random.default_rng(args.seed)
        file = args.checkpoint or str(last_folder(args, CHECKPOINT, "checkpoint", "a file, or a run") / CHECKPOINT)
        print(args.sample + write(load(file), args.sample, args.length, args.temperature, rng))
        return
    check_new("checkpoint", args.checkpoint)
    check_out(args)
    check_apart(text=args.text, checkpoint=args.checkpoint)
    text = read_text(args.text) if args.text else toy_text()
    characters = "".join(sorted(set(text) | {"\n"}))
    language = build(characters, args.cell, args.hidden_size, args.dtype, args.seed)
    numbers = streams(text, language, args.batch_size)
    longest = len(numbers) - 1
    expect(args.steps <= longest, "steps", f"at most {longest}, as a stream of this text is that long", args.steps)
    print(f"{len(text):,} characters, {len(characters)} different ones; {args.cell}, H = {args.hidden_size}")
    if args.lockstep:
        loss, gradient = lockstep(language, numbers, args)
        print(f"{args.updates} updates beside PyTorch, {args.dtype}. Largest differences, relative:")
        print(f"losses {loss:.1e}, gradients {gradient:.1e}")
        return
    place(args, {"checkpoint": CHECKPOINT}, "language", args.cell, f"seed{args.seed}")
    learn(language, numbers, args)
    print(f"Checkpoint: {args.checkpoint}. Continue a text: --sample 'The '")


if __name__ == "__main__":
    sys.exit(main())
