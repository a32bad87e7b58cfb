"""Do the tests notice? Plants one bug at a time into a copy of the source and runs the tests on it.

Every bug here was seen in somebody's RNN, or is a slip of the same kind. A test suite that stays green with one of them
could not have told you that your gradients are right. Ends with status 1 if any bug goes unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
RNN, STACK, MODELS = "numpy_rnn/rnn.py", "numpy_rnn/stack.py", "numpy_rnn/models.py"
LAYERS, LOSSES, OPTIM = "numpy_rnn/layers.py", "numpy_rnn/losses.py", "numpy_rnn/optim.py"
TRAINING, COMPARISON = "numpy_rnn/training.py", "torch_rnn/comparison.py"
# the tests of the mathematics; those of the README would notice any change of a line that it quotes
TESTS = ("rnn", "stack", "layers", "losses", "optim", "models", "convert", "training", "comparison")

# (what is wrong, file, the line's text, the text in its place)
BUGS = [
    ("dh_next dropped", RNN, "dh = d_output[t, n] + dh_next[n]", "dh = d_output[t, n]"),
    ("W_hh not transposed in what goes to h_{t-1}", RNN, "dh_prev = dz @ W_hh.T", "dh_prev = dz @ W_hh"),
    ("tanh': 1 - h for 1 - h h", RNN, "df = 1 - h * h if", "df = 1 - h if"),
    ("tanh' left out", RNN, "df = 1 - h * h if", "df = np.ones_like(h) if"),
    ("relu' 1 at h = 0", RNN, "else h > 0", "else h >= 0"),
    ("dx without the later losses", RNN, "dx = unrows(dz @",
     "dx = unrows(rows(d_output * (1 - hs[1:] ** 2), lengths) @"),
    ("dW_hh with h_t for h_{t-1}", RNN, "dW_hh = rows(hs[:-1], lengths).T", "dW_hh = rows(hs[1:], lengths).T"),
    ("one bias gradient left out", RNN, "db_hh = db_xh.copy()", "db_hh = np.zeros_like(db_xh)"),
    ("bias gradients share memory", RNN, "db_hh = db_xh.copy()", "db_hh = db_xh"),
    ("h_0 ignored", RNN, "hs[0] = h_0", "hs[0] = 0"),
    ("b_hh left out of the forward pass", RNN, 'a += p["b_xh"] + p["b_hh"] if', 'a += p["b_xh"] if'),
    ("backward edits d_h_n", RNN, "dh_next = d_h_n.copy()", "dh_next = d_h_n"),
    ("backward edits its cache", RNN, "dz = np.zeros_like(hs[1:])", "dz = hs[1:]"),
    ("lengths ignored in backward", RNN, "for t, n in reversed(steps(lengths)):",
     "for t, n in [(t, slice(None)) for t in reversed(range(len(x)))]:"),
    ("lengths taken to be sorted", STACK, "if (np.diff(lengths) > 0).any():", "if False:"),
    ("a float32 buffer in a float64 run", RNN, "self.hidden_size), self.dtype)", "self.hidden_size), np.float32)"),
    ("d_h_n reaches the top layer only", STACK, "d_above, d_h_n[layer], cache.lengths,",
     "d_above, d_h_n[layer] * (layer == self.num_layers - 1), cache.lengths,"),
    ("h_n: the state at T, not at the end", STACK, "layer.hs[lengths, np.arange(N)]", "layer.hs[T]"),
    ("h_n not put back into the given order", STACK, "h_n[:, order] = [", "h_n[:] = ["),
    ("dh_0 not put back into the given order", STACK, "d_h_0[layer, cache.order], dp", "d_h_0[layer], dp"),
    ("a result shares memory with the cache", STACK, "output[:, order] = below", "output = below[:, order]"),
    ("a step too few", STACK, "t = np.arange(lengths[0])", "t = np.arange(max(lengths[0] - 1, 1))"),
    ("embedding: the last of equal ids wins", LAYERS, "dW[tokens] = np.add.reduceat(flat(dx)[order], first, axis=0)",
     "dW[ids] = dx"),
    ("Linear: db of the first row only", LAYERS, "db = flat(dy).sum(axis=0)", "db = flat(dy)[0]"),
    ("dropout not scaled by 1 / (1 - p)", LAYERS, " / np.asarray(1 - self.p, dtype)", ""),
    ("dropout ignored in backward", LAYERS, "return LayerGrads(dy * mask, {})", "return LayerGrads(dy.copy(), {})"),
    ("the mean's 1/N missing in backward", LOSSES, "np.full_like(losses, 1 / losses.size)", "np.ones_like(losses)"),
    ("softmax' without the one-hot", LOSSES, "(np.exp(log_p) - onehot)", "np.exp(log_p)"),
    ("cross-entropy without log-sum-exp", LOSSES, "z = logits - logits.max(axis=-1, keepdims=True)", "z = logits"),
    ("an epsilon inside the log", LOSSES, "np.log(np.exp(z).sum(axis=-1, keepdims=True))",
     "np.log(np.exp(z).sum(axis=-1, keepdims=True) + 1e-8)"),
    ("Adam's eps inside the root", OPTIM, "(np.sqrt(v_hat) + self.eps)", "np.sqrt(v_hat + self.eps)"),
    ("Adam without bias correction of m", OPTIM, "m_hat = m / (1 - self.beta1**self.t)", "m_hat = m"),
    ("Adam without bias correction of v", OPTIM, "v_hat = v / (1 - self.beta2**self.t)", "v_hat = v"),
    ("clipping per array, not global", OPTIM,
     "{name: g * scale for name, g in grads.items()}",
     "{name: g * min(1.0, max_norm / (float(np.linalg.norm(g)) + 1e-6)) for name, g in grads.items()}"),
    ("mean read-out divided by T, not by the length", MODELS, "output.sum(axis=0) / lengths[:, None]",
     "output.sum(axis=0) / np.full_like(lengths, len(output))[:, None]"),
    ("mean read-out: 1 / length missing in backward", MODELS, "dm / lengths[:, None].astype(dm.dtype)", "dm"),
    ("the last real step read as the last one", MODELS, 'None if self.config.readout == "last" else lengths', "None"),
    ("clipping forgotten in the training step", TRAINING, "self.optimizer.step(clipped, lr)",
     "self.optimizer.step(grads, lr)"),
    ("comparing: weights with themselves", COMPARISON, "from_torch_names(model, self.torch.weights())", "model.params"),
    ("comparing: the twin takes over nothing", COMPARISON, "self.torch.take_over(self.numpy)", "pass"),
    ("comparing: max() lets a NaN through", COMPARISON, "float(np.maximum(worst[key], error))",
     "max(worst[key], error)"),
    ("comparing: validation on the training part", COMPARISON, "trainer.evaluate(self.data.valid)",
     "trainer.evaluate(self.data.train)"),
    ("learning rate falling anew in each epoch", COMPARISON, "learning_rate(self.config, first + i, self.total)",
     "learning_rate(self.config, i, self.per_epoch)"),
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="only the bugs whose description has this text in it")
    only = parser.parse_args().only
    unnoticed, control = 0, first_failure(RNN, "", "")
    if control:
        raise SystemExit(f"plant_bugs.py: {control} fails without any bug")
    for bug, file, right, wrong in tqdm([bug for bug in BUGS if only in bug[0]], disable=None, leave=False):
        failed = first_failure(file, right, wrong)
        unnoticed += failed is None
        tqdm.write(f"{bug:48} {failed or 'NOT NOTICED'}")
    print(f"{unnoticed} not noticed")
    return 1 if unnoticed else 0


def first_failure(file: str, right: str, wrong: str) -> str | None:
    """The first test that goes red with `wrong` in the place of `right`; None if none does."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("numpy_rnn", "torch_rnn", "parity_tests", "scripts"):
            shutil.copytree(ROOT / part, Path(folder) / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        source = (Path(folder) / file).read_text()
        if right and source.count(right) != 1:
            raise SystemExit(f"plant_bugs.py: {right!r} stands {source.count(right)} times in {file}, expected once")
        (Path(folder) / file).write_text(source.replace(right, wrong) if right else source)
        tests = [f"parity_tests/test_{name}.py" for name in TESTS]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        path = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True)
    failure = re.search(r"^(?:FAILED|ERROR) parity_tests/(\S+)", done.stdout, re.MULTILINE)
    return failure.group(1) if failure else None


if __name__ == "__main__":
    sys.exit(main())
