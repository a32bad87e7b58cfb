"""Run by a Python that has what `pip install .` brings: the examples of README and docs without PyTorch."""

import re
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

installed = {distribution.name.lower() for distribution in distributions()} - {"pip", "setuptools"}
assert installed == {"numpy", "numpy-rnn", "tqdm"}, installed

root = Path(__file__).parent.parent
text = "".join((root / page).read_text() for page in ("README.md", "docs/gradcheck.md", "docs/truncation.md"))
examples = [code.split("# the same by PyTorch")[0] for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
examples = [code for code in examples if "sentiment" not in code and "torch" not in code]
assert len(examples) == 4, examples
for code in examples:
    print(code.strip().splitlines()[2], "...", flush=True)
    exec(code, {})
with tempfile.TemporaryDirectory() as folder:
    check = [sys.executable, "-m", "numpy_rnn.check"]
    mine = Path(folder) / "mine.py"
    mine.write_text(subprocess.run([*check, "--template"], capture_output=True, text=True, check=True).stdout)
    done = subprocess.run([*check, mine], capture_output=True, text=True, check=False)
    print(done.stdout, flush=True)
    assert done.returncode == 2, done  # nothing is filled in
outside = {name.split(".")[0] for name in sys.modules} & {"torch", "safetensors", "datasets", "matplotlib"}
assert not outside, outside
