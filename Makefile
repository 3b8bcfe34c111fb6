# Works with GNU make 3.81 and later (what macOS ships). Needs git, make and Python 3.11+.
#
# Stamp files in .venv remember which lock was installed, so a second run installs nothing.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
# A lock is installed as it stands: every file's hash is checked.
PIP_LOCKED := $(PIP) install --require-hashes
# pytest's workers: two suit a CI machine, and a workstation is not slowed down by its tests.
WORKERS ?= 2
# What pytest is told besides, for example `make test PYTEST_ARGS="-k price"`.
PYTEST_ARGS ?=
CHECKED := vsphere_market tests tools $(wildcard benchmarks)
# `make lock UPGRADE=` keeps the versions that still fit.
UPGRADE ?= --upgrade

# A caller's environment must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo dev test lint format unit nightly faults faults-coverage faults-all soak audit sbom sim console man lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.runtime ## run the market on the embedded plant; no vCenter needed
	@$(BIN)/vsphere-market demo

dev: $(VENV)/.dev ## create .venv with everything that development needs

test: $(VENV)/.dev build/vcsim ## check and test everything, fast things first
	@$(MAKE) --no-print-directory lint
	@$(PY) tools/console_build.py check
	@$(PY) tools/system_parts.py ensure chromium
	$(PY) -m pytest -n $(WORKERS) $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy and the import contracts
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(CHECKED)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix-only $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

unit: $(VENV)/.dev ## the unit tests alone
	$(PY) -m pytest -n $(WORKERS) $(PYTEST_ARGS) tests/unit

nightly: $(VENV)/.dev ## search at length, thousands of cases, for a plan that breaks what policies say
	HYPOTHESIS_PROFILE=nightly $(PY) -m pytest -n $(WORKERS) --timeout=0 $(PYTEST_ARGS) \
		tests/property/test_mandatory_first.py tests/property/test_policy_obeyed.py

# RUNS and SEED choose the runs; ONLY=N tells the story of one of them.
RUNS ?= 2000
SEED ?= 1
ONLY ?=
faults: $(VENV)/.dev build/vcsim ## run the campaign of faults: RUNS=2000 SEED=1, or ONLY=run
	$(PY) -m tests.faults.campaign --seed $(SEED) $(if $(ONLY),--only $(ONLY),--runs $(RUNS))

faults-coverage: $(VENV)/.dev build/vcsim ## what RUNS runs of SEED visit: faults by calls by actions
	@$(PY) -m tests.faults.campaign --seed $(SEED) --runs $(RUNS) --coverage

faults-all: $(VENV)/.dev build/vcsim ## every fault at every call, every kill: goes on where it stopped, or ONLY=cells:N
	@$(PY) -m tests.faults.whole $(if $(ONLY),--only $(ONLY))

CYCLES ?= 1440
soak: $(VENV)/.dev build/vcsim ## a day of the loop under random faults: leaks? Prints JSON
	@$(PY) -m tests.faults.soak --cycles $(CYCLES) --seed $(SEED)

audit: $(VENV)/.dev ## ask an advisory database about every locked package
	@$(PY) tools/supply_chain.py audit

sbom: $(VENV)/.dev ## write the bill of materials: build/sbom.cdx.json (CycloneDX)
	@$(PY) tools/supply_chain.py sbom

sim: build/vcsim ## build and test the vCenter simulators: build/vcsim, build/stock-vcsim

console: $(VENV)/.dev ## build the console after a change of console/
	@$(PY) tools/console_build.py build

man: $(VENV)/.runtime ## renew the manual page and the completions
	@$(PY) tools/man_page.py write

clean: ## remove what make and the tools have made
	rm -rf $(VENV) build dist console/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find vsphere_market tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- environment

# tools/make_venv.sh picks the interpreter (PYTHON names another), or says what to install.
# An environment whose interpreter is gone, or that was made in another folder, is made anew.
ifneq ($(shell cat $(VENV)/.made 2>/dev/null && $(PY) -c 'print("runs")' 2>/dev/null),$(shell pwd -P) runs)
.PHONY: $(VENV)/.made
endif

$(VENV)/.made: tools/make_venv.sh
	@sh tools/make_venv.sh $(VENV)

$(VENV)/.runtime: $(VENV)/.made requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "installing what vsphere-market needs to run into $(VENV)"
	@$(PIP_LOCKED) -r requirements/runtime.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The development lock holds the same versions of the run-time parts, and more.
$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "installing what the checks and tests need into $(VENV)"
	@$(PIP_LOCKED) -r requirements/dev.txt
	@# cyclonedx-bom brings it, to check IRIs, which nobody has here; jsonschema imports it where it is
	@# there, and its grammar is built anew in each process that reads a policy: over a second.
	@$(PIP) uninstall --yes rfc3987-syntax lark
	@touch $@

# ---------------------------------------------------------------- the simulator

VCSIM_SOURCES := $(shell find mocks/vcsim -type f 2>/dev/null)

# Builds build/stock-vcsim, too, and runs the Go checks and tests.
build/vcsim: $(VENV)/.made tools/build_sim.py requirements/go.txt $(VCSIM_SOURCES)
	@$(PY) tools/build_sim.py --output build
	@touch $@

# ---------------------------------------------------------------- locks

UV_COMPILE := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-strip-extras \
	--custom-compile-command "make lock" $(UPGRADE)

lock: $(VENV)/.made ## renew the lock files in requirements/ (UPGRADE= keeps what still fits)
	$(PY) -m venv --clear build/lock
	build/lock/bin/python -m pip --disable-pip-version-check --quiet install \
		--require-hashes -r requirements/lock.txt
	$(UV_COMPILE) pyproject.toml -o requirements/runtime.txt
	$(UV_COMPILE) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(UV_COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	$(UV_COMPILE) --group go -o requirements/go.txt
	$(UV_COMPILE) --group node -o requirements/node.txt
	$(UV_COMPILE) --group parts -c requirements/dev.txt -o requirements/parts.txt
	$(UV_COMPILE) --group lock -o requirements/lock.txt
