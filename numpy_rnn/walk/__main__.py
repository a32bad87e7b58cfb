"""Where does dL/dW_hh come from? Writes a page to walk through: one HTML file, which any browser opens.

A small RNN, LSTM or GRU reads twelve symbols. The page goes forward through its
states and back through its gradients, one equation at a time, and shows what
each loss adds to dW_hh at each step, what a truncation cuts, and what a planted
bug makes wrong. It needs no server and no network.
"""

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from numpy_rnn.checks import expect
from numpy_rnn.command_line import Parser, printable
from numpy_rnn.files import atomic_write, check_target
from numpy_rnn.walk import moments, own, page, runs, task

EXAMPLES = """examples:
  python -m numpy_rnn.walk
  python -m numpy_rnn.walk --out docs/walk.html
  python -m numpy_rnn.walk --params mine.npz --out mine.html

FILE of --params is written by numpy.savez with W_xh (D, G H), W_hh (H, G H),
b_xh and b_hh (G H,), float64 or float32; G is 1 for an RNN, 4 for an LSTM (i, f,
g, o) and 3 for a GRU (r, z, n).
"""
INTRO = (
    "A small network reads twelve symbols. At each step it says which symbol came three steps before, and the loss "
    "E<sub>t</sub> is large where it is wrong. Walk forward through the states and back through the gradients. "
    "W<sub>hh</sub> is used at every step, so its gradient is a sum: G[t, k] is the part that the loss E<sub>t</sub> "
    "adds at step k."
)


def networks() -> dict[str, Any]:
    """The data of the page: all networks of `task`."""
    found = {}
    total = 2 * sum(len(starts) for starts in task.STARTS.values())
    for cell, how, trained, model in tqdm(task.networks(), "networks", total, disable=None):
        training = ("learnt", "after learning") if trained else ("untrained", "untrained")
        names = {"start": how, "start_name": task.STARTS[cell][how], "training": training[0]}
        names["training_name"] = training[1]
        found[f"{cell}/{how}/{training[0]}"] = runs.run(cell, model.layer, task.sequence(model)) | names
    return {"runs": found, "moments": {cell: moments.as_data(cell) for cell in task.CELLS}, "question": task.question()}


def main(arguments: list[str] | None = None) -> int:
    parser = Parser("python -m numpy_rnn.walk", description=__doc__, epilog=EXAMPLES)
    parser.add_argument("--out", metavar="FILE", default="walk.html", help="the page (default: %(default)s)")
    parser.add_argument("--params", metavar="FILE", help="a layer of your own, an .npz file with H up to 16")
    args = parser.parse_args(arguments)
    try:
        check_target("--out", args.out)
        same = args.params and Path(args.params).resolve() == Path(args.out).resolve()
        expect(not same, "--out", "another file than that of --params", "the same")
        text = page.page(own.data(args.params), own.INTRO) if args.params else page.page(networks(), INTRO)
        with atomic_write(args.out) as stream:
            stream.write(text.encode())
    except (ValueError, OSError) as error:
        print(f"walk: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nwalk: stopped; nothing was written", file=sys.stderr)
        return 130
    print(f"{args.out}: {len(text.encode()) / 1e6:.2f} MB. Open it in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
