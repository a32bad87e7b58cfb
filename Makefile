# Both commands work alone in a fresh clone: they make the virtual environment, install what they need, do their job.
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: compare test mutants lowest newest lint bench gpu core clean

compare: .venv/installed  ## train NumPy and PyTorch side by side on toy reviews; see scripts/compare.py --help for more
	.venv/bin/python scripts/compare.py $(ARGS)

test: .venv/installed  ## hold every gradient to autograd
	.venv/bin/python -m pytest $(ARGS)

mutants: .venv/installed  ## small changes of the formulas, one at a time: do the tests notice? An hour or more
	PIP_CONSTRAINT=constraints.txt .venv/bin/pip install --quiet --editable '.[mutants]'
	.venv/bin/python scripts/mutants.py $(ARGS)

lowest newest:  ## the tests with the lowest, or the newest, versions that pyproject.toml allows; torch takes some GB
	$(PYTHON) -m venv --clear .$@
	.$@/bin/pip install --quiet uv
	.$@/bin/uv pip install --quiet --python .$@/bin/python --resolution $(if $(filter lowest,$@),lowest-direct,highest) \
	  --editable '.[test]'
	.$@/bin/python -m pytest $(ARGS)

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	PYTHONPATH=scripts .venv/bin/lint-imports --no-cache

bench: .venv/installed  ## a layer and a training step, beside PyTorch's and JAX's (where it is installed): half an hour
	.venv/bin/python scripts/benchmark.py --json bench.json --picture docs/cpu.png --markdown docs/cpu.md $(ARGS)

gpu: .venv/installed  ## on a machine with an NVIDIA GPU: the twins there, and what the loop over the cells costs
	.venv/bin/python -m pytest -n 0 -rs parity_tests/test_cuda.py
	.venv/bin/python scripts/benchmark.py --device cuda --steps 100 --markdown docs/gpu.md

core:  ## the mathematics alone, as pip installs it into an empty environment: NumPy and tqdm, nothing else
	$(PYTHON) -m venv --clear .core
	PIP_CONSTRAINT=constraints.txt .core/bin/pip install --quiet .
	.core/bin/python .ci/core.py

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear .venv
	PIP_CONSTRAINT=constraints.txt .venv/bin/pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv .core .lowest .newest mutants build .mypy_cache .pytest_cache .ruff_cache .hypothesis
