# The front doors. Each installs what it needs first; `make` alone lists them.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
CLUSTER := PYTHONPATH=k8s-tests $(BIN)/python -m deployment
export UV_PYTHON_DOWNLOADS := never
# Once, when it is installed: else every process that imports torch compiles it again.
export UV_COMPILE_BYTECODE := 1
ifdef PORT
export BABBLEFISH_PORT := $(PORT)
endif
ifdef PROFILE
export BABBLEFISH_PROFILE := $(PROFILE)
endif
PROFILE ?= light

.DEFAULT_GOAL := help
.PHONY: help run models demo test test-fast bench cluster cluster-down test-cluster images lint format lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.$(PROFILE)  ## start a gateway with its engines (PORT=9000 PROFILE=light ARGS=--help)
	@exec $(BIN)/babblefish serve $(ARGS)

models: $(VENV)/.light  ## the models of PROFILE=full: where they are, or how to get them
	@$(BIN)/babblefish models list

demo: $(VENV)/.dev  ## Pierre, Dan and Marek talk, on small models (CLONE=1: in Pierre's own voice; SERVE=1 PORT=9000 leaves it up)
	@exec $(BIN)/python -m demo $(if $(SERVE),--serve) $(if $(CLONE),--clone) $(if $(PORT),--port=$(PORT))

test: $(VENV)/.dev $(VENV)/.cluster lint  ## every test: in real time, with a real browser, on a real cluster
	$(BIN)/pytest

test-fast: $(VENV)/.dev  ## what takes under a minute
	$(BIN)/pytest -m "not slow and not browser and not cluster"

cluster: $(VENV)/.dev $(VENV)/.cluster  ## BabbleFish on Kubernetes: ours, or KUBECONFIG's; prints its URL
	@$(CLUSTER) up

cluster-down: $(VENV)/.dev  ## take that away again
	@$(CLUSTER) down

test-cluster: $(VENV)/.dev $(VENV)/.cluster  ## only the tests on a real cluster
	$(BIN)/pytest k8s-tests

images: $(VENV)/.cluster  ## the container images, with their sizes
	images/build

bench: $(VENV)/.dev  ## the figures, each beside the other side's
	$(BIN)/python -m bench

lint: $(VENV)/.dev  ## style, types, import layers, shell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck requirements/install-debian requirements/lock images/build .ci/run
	$(BIN)/hadolint --config images/.hadolint.yaml images/*.Containerfile

format: $(VENV)/.dev  ## rewrite the style where it can be
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(UV)  ## pin every dependency again, for every Python we support
	cd requirements && ./lock ../$(UV)

clean:  ## remove what was installed here
	rm -rf $(VENV)

# ── the environment: pinned by hash, rebuilt when a lock changes ─────────────────────────────

$(UV): requirements/uv.txt requirements/debian-python.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "BabbleFish needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || requirements/install-debian requirements/debian-python.txt
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.light $(VENV)/.full: $(VENV)/.%: $(UV) requirements/%.txt requirements/debian-light.txt pyproject.toml
	@requirements/install-debian requirements/debian-light.txt
	@test -e $(VENV)/.dev || $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/$*.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(UV) requirements/dev.txt requirements/debian-light.txt requirements/debian-test.txt pyproject.toml
	@requirements/install-debian requirements/debian-light.txt
	@requirements/install-debian requirements/debian-test.txt
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.light $(VENV)/.full $@

# Where these cannot be installed, the tests that need them say that they were skipped, and why.
$(VENV)/.cluster: $(UV) requirements/debian-cluster.txt requirements/debian-images.txt
	@requirements/install-debian requirements/debian-cluster.txt && \
		requirements/install-debian requirements/debian-images.txt && touch $@ || true
