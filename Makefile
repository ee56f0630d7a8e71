# Two commands do everything on a machine with make and Python 3.11 or newer:
#   make demo    sets up what it needs and trains a digit recogniser
#   make test    sets up what it needs and runs the tests
# Set-up lives in .venv and is repeated only when pyproject.toml changes.

PYTHON ?= python3
VENV := .venv
CUDA_VENV := .venv-cuda
CUDA_13_VENV := .venv-cuda-13
RUN := $(VENV)/bin/python
PIP_OPTIONS := -m pip --disable-pip-version-check --quiet
PIP := $(RUN) $(PIP_OPTIONS)
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint oracle wheel-check test-cusim cuda-check cuda-check-quick gpu-check full clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 20

# --- set-up ------------------------------------------------------------------------------------

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
	    f"dlcore needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}: say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.plot-installed: pyproject.toml | $(VENV)/.created
	$(PIP) install -e '.[plot]'
	@touch $@

$(VENV)/.dev-installed: pyproject.toml | $(VENV)/.created
	$(PIP) install -e '.[dev]'
	@touch $@ $(VENV)/.plot-installed

# The oracle's version is pinned in pyproject.toml, extra "oracle".
$(VENV)/.oracle-installed: $(VENV)/.dev-installed
	$(PIP) install -e '.[dev,oracle]'
	@touch $@

# CuPy 14 with a compiler and disassemblers for `make cuda-check`, and CuPy 13 beside it; neither needs a GPU.
$(CUDA_VENV)/.installed: pyproject.toml | $(VENV)/.created
	$(PYTHON) -m venv $(CUDA_VENV)
	$(CUDA_VENV)/bin/python $(PIP_OPTIONS) install -e '.[cuda-check]'
	@touch $@

$(CUDA_13_VENV)/.installed: pyproject.toml | $(VENV)/.created
	$(PYTHON) -m venv $(CUDA_13_VENV)
	$(CUDA_13_VENV)/bin/python $(PIP_OPTIONS) install -e '.[cuda-check-13]'
	@touch $@

# --- what to run -------------------------------------------------------------------------------

demo: $(VENV)/.plot-installed  ## train a small CNN on real digits, with curves and a checkpoint
	$(RUN) examples/digits.py $(DEMO_ARGS)

test: $(VENV)/.dev-installed  ## run the tests with coverage (at least 95%)
	$(RUN) -m pytest tests --ignore=tests/oracle --cov --cov-report=term-missing:skip-covered --cov-fail-under=95 $(PYTEST_ARGS)

lint: $(VENV)/.dev-installed  ## check style and types (what is checked stands in pyproject.toml)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

oracle: $(VENV)/.oracle-installed  ## compare with PyTorch, installed in the exact version the tests expect
	$(RUN) -m pytest tests/oracle $(PYTEST_ARGS)

wheel-check: $(VENV)/.dev-installed  ## build the wheel, compare its files with git's, train with it in an empty environment
	$(RUN) tools/wheel_check.py

cuda-check: $(CUDA_VENV)/.installed $(CUDA_13_VENV)/.installed  ## check the CUDA kernels without a GPU: compiled, simulated, made wrong on purpose
	$(CUDA_VENV)/bin/python -m tools.cuda_check $(CUDA_CHECK_MODE) --report .cuda-check/report.md $(CUDA_CHECK_ARGS)
	DLCORE_CUDA_CHECK=1 $(CUDA_VENV)/bin/python -m pytest -q tests/cuda/gates/test_compilation.py tests/cuda/gates/test_names.py

cuda-check-quick: CUDA_CHECK_MODE := --quick
cuda-check-quick: cuda-check  ## a representative part of it

test-cusim: $(VENV)/.oracle-installed  ## run the tests of the library on the simulated GPU, and a part of the oracle
	DLCORE_DEVICE=cusim $(RUN) -m pytest -q tests/nn tests/optim tests/io tests/data tests/ops tests/autograd tests/custom_op $(PYTEST_ARGS)
	DLCORE_DEVICE=cusim $(RUN) -m pytest -q tests/oracle -m every_device $(PYTEST_ARGS)

gpu-check:  ## on a machine with a GPU: tests, parity, demo, times of the kernels, in one report (exit 2 without a GPU)
	$(PYTHON) tools/gpu_check.py $(GPU_CHECK_ARGS)

full: lint test oracle demo wheel-check test-cusim cuda-check  ## everything, however long it takes
	DLCORE_LARGE=1 $(RUN) -m pytest -q tests/device/test_large.py
	$(RUN) tools/import_time.py
	@if [ -n "$$DLCORE_DATA" ]; then set -x; $(RUN) tools/mnist_accuracy.py; \
	else echo "tools/mnist_accuracy.py: skipped, as DLCORE_DATA does not say where MNIST is"; fi
	-$(RUN) benchmarks/mlp_step.py
# Long checks go here, one line each: fuzzing, mutation runs, long trainings. What is only measured gets a dash.

clean:  ## remove what the targets above made, .venv included
	rm -rf $(VENV) $(CUDA_VENV) $(CUDA_13_VENV) .cuda-check gpu-check build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis examples/output
	find dlcore backends kernels tests tools examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
