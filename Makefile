# Luban's front door. `make help` lists the targets; each is idempotent and says what it does.
SHELL         := /bin/bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS     += --no-builtin-rules

PYTHON ?= python3
VENV   ?= .venv
BUILD  ?= build
JOBS   ?= $(shell nproc)
WERROR ?= $(if $(CI),ON,OFF)
ARGS   ?=
# ON installs the pinned torch and builds the training of networks; OFF goes without both.
TRAINING ?= ON

# Our own tasks are the threads (see docs/decisions); numpy's BLAS must not start others beside them.
export OMP_NUM_THREADS      ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL    ?= $(JOBS)
export MPLBACKEND ?= Agg

PY       := $(VENV)/bin/python
SAY      := @printf '\033[1m%s\033[0m\n'
RELEASE  := $(BUILD)/release
ENV      := $(VENV)/.stamp-requirements
TORCH    := $(VENV)/.stamp-torch
INSTALL  := $(BUILD)/stamps/installed
# Another answer to TRAINING than the last time builds again.
CHOICE   := $(BUILD)/stamps/training-$(TRAINING)
DOCS_ENV := $(VENV)/.stamp-docs
WHEEL    := $(BUILD)/stamps/wheel

# What a build reads. Python tests are not here: changing one of them builds nothing.
BUILD_INPUTS := pyproject.toml README.md LICENSE CMakeLists.txt \
  $(shell find cpp python configs/process -type f -not -name '*.pyc' -not -name '*.md' -not -path '*/__pycache__/*')
TEST_INPUTS  := $(shell find tests -type f '(' -name '*.cpp' -o -name '*.hpp' -o -name CMakeLists.txt ')')

# One build folder for the package that is installed here, with the plugin for MPI, and for the wheel without it.
PIP_WHEEL := -m pip wheel -q --no-build-isolation --no-deps . -w $(BUILD)/raw-wheel \
  --config-settings=build-dir=$(RELEASE) --config-settings=cmake.define.LUBAN_BUILD_TESTS=ON \
  --config-settings=cmake.define.LUBAN_WITH_OPENMPI=ON --config-settings=cmake.define.LUBAN_WERROR=$(WERROR) \
  --config-settings=cmake.define.LUBAN_WITH_TRAINING=$(TRAINING)
CPP_FILES     = $(shell git ls-files '*.cpp' '*.hpp')

.PHONY: help setup system demo test test-cpp test-python test-long test-sanitizers test-slow \
        test-faults-history fuzz test-fuzz \
        cluster-start cluster-stop test-slurm test-cluster lint lint-tidy docs wheel clean distclean

help:  ## list the targets
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z%-]+):.*## */\1\t/' | expand -t 18

setup: $(INSTALL)  ## install what is missing, build, install into .venv (all other targets do this first)

system:
	@bash .ci/system_packages.sh build mpi test

# The environment: build requirements, run-time dependencies and tools, as pyproject.toml lists them.
$(ENV): pyproject.toml .ci/requirements.py | system
	$(SAY) '== Python environment in $(VENV)'
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) .ci/requirements.py build runtime arrow dev > $(VENV)/requirements.txt
	$(PY) -m pip install -q -r $(VENV)/requirements.txt
	touch $@

# LUBAN_TORCH_INDEX names a package index to look in for torch besides the usual ones.
$(TORCH): $(ENV) .ci/install_torch.py
	$(PY) .ci/install_torch.py
	touch $@

$(CHOICE):
	mkdir -p $(@D) && rm -f $(BUILD)/stamps/training-*
	touch $@

# The persistent build folder makes this incremental: one touched .cpp rebuilds that file and relinks.
$(INSTALL): $(ENV) $(if $(filter ON,$(TRAINING)),$(TORCH)) $(CHOICE) $(BUILD_INPUTS) $(TEST_INPUTS)
	$(SAY) '== Build in $(RELEASE) and install into $(VENV) (7 minutes on two cores the first time)'
	mkdir -p $(@D) && rm -rf $(BUILD)/raw-wheel
	bash .ci/build_progress.sh $(RELEASE) $(PY) $(PIP_WHEEL) '--config-settings=install.components=python;openmpi'
	$(PY) -m pip install -q --no-deps --force-reinstall $(BUILD)/raw-wheel/luban-*.whl
	touch $@

demo: setup  ## the main job on a real production history; writes demo/report.html
	$(VENV)/bin/luban demo $(ARGS)

test: test-cpp test-python  ## every test that is fast: C++, then Python

test-cpp: setup
	$(SAY) '== C++ tests'
	ctest --test-dir $(RELEASE) -L unit -j $(JOBS) --output-on-failure --no-tests=error

test-python: test-cpp
	$(SAY) '== Python tests'
	$(PY) -m pytest -n $(JOBS) -m 'not slow' $(ARGS)

test-long: test-sanitizers test-slow test-fuzz test-slurm  ## slow tests: sanitizers, wheel in a bare system, notebooks, a local Slurm

test-sanitizers: setup
	$(SAY) '== C++ tests under address and undefined-behaviour sanitizers'
	cmake --preset asan -B $(BUILD)/asan  # no -Werror: instrumented code makes GCC see ghosts; the build above judges
	cmake --build $(BUILD)/asan
	ctest --test-dir $(BUILD)/asan -L unit -j $(JOBS) --output-on-failure --no-tests=error

test-slow: wheel
	$(SAY) '== Slow tests'
	ctest --test-dir $(RELEASE) -L slow -j $(JOBS) --output-on-failure
	LUBAN_WHEEL_REQUIRED=1 $(PY) -m pytest -n $(JOBS) -m slow --durations=20 $(ARGS)

test-faults-history: setup  ## 500 kills, a disk that fails at each call, a flipped bit anywhere: 40 minutes
	$(SAY) '== Faults of histories'
	$(PY) -m pytest -s -m 'faults or slow' tests/faults/history $(ARGS)

# Minutes of changed inputs against everything that reads foreign bytes; what somebody died of lies in build/fuzz.
FUZZ_MINUTES ?= 30
fuzz: setup  ## changed histories, chunks and JSON under sanitizers, FUZZ_MINUTES=30
	$(SAY) '== Fuzzing for $(FUZZ_MINUTES) minutes'
	cmake --preset asan -B $(BUILD)/asan
	cmake --build $(BUILD)/asan --target fuzz_history
	$(PY) tests/fuzz/run.py $(BUILD)/asan/tests/fuzz/fuzz_history $(BUILD)/fuzz --minutes $(FUZZ_MINUTES)

test-fuzz: test-sanitizers
	$(MAKE) --no-print-directory fuzz FUZZ_MINUTES=1

# The two that matter most; test-cluster has all of them.
test-slurm: setup
	$(SAY) '== Trainings on a local Slurm'
	bash .ci/system_packages.sh cluster || echo 'without them these tests are skipped'
	$(PY) -m pytest -m cluster tests/cluster/test_train.py -k 'two_nodes or time_limit' $(ARGS)

cluster-start:  ## a Slurm with two nodes on this machine, in var/slurm (root); prints the environment to use
	@bash .ci/system_packages.sh cluster
	@bash cluster/local/start

cluster-stop:  ## end it: no process is left
	@bash cluster/local/stop

test-cluster: setup  ## trainings on such a Slurm: two nodes, time limit and requeue, lost ranks (root; minutes)
	$(SAY) '== Cluster tests'
	bash .ci/system_packages.sh cluster
	$(PY) -m pytest -m cluster tests/cluster $(ARGS)

lint: setup  ## formatting, ruff, mypy, import layers, every public header alone
	$(SAY) '== Formatting'
	$(VENV)/bin/clang-format --dry-run -Werror $(CPP_FILES)
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(SAY) '== Types and layers'
	PATH="$$PWD/$(VENV)/bin:$$PATH" bash .ci/check_types.sh $(RELEASE)
	$(VENV)/bin/lint-imports
	$(SAY) '== Public headers, each alone'
	cmake --build $(RELEASE) --target all_verify_interface_header_sets

lint-tidy: setup  ## clang-tidy over the C++ sources (minutes)
	$(VENV)/bin/clang-tidy -p $(RELEASE) --quiet $(filter %.cpp,$(shell git ls-files 'cpp/luban/*.cpp'))

$(DOCS_ENV): $(ENV)
	$(PY) -m pip install -q $$($(PY) .ci/requirements.py docs)
	touch $@

docs: setup $(DOCS_ENV)  ## the documentation, into site/
	$(VENV)/bin/mkdocs build --strict --quiet

wheel: $(WHEEL)  ## a self-contained wheel, into wheelhouse/
$(WHEEL): $(INSTALL)  # what was built, without the plugin for MPI, with the system's libraries; torch comes by pip
	$(SAY) '== Wheel in wheelhouse/'
	bash .ci/system_packages.sh wheel
	rm -rf wheelhouse $(BUILD)/raw-wheel
	$(PY) $(PIP_WHEEL)
	PATH="$$PWD/$(VENV)/bin:$$PATH" $(PY) -m auditwheel repair --exclude 'libtorch*' --exclude 'libc10*' \
	  -w wheelhouse $(BUILD)/raw-wheel/luban-*.whl
	touch $@

# All of it: what a shorter run of this one says is noise. Ours takes minutes, the peers' traces are kept.
bench-regret: setup  ## evaluations to a target on eight problems, beside the peers' kept traces
	mkdir -p $(BUILD)/bench
	$(PY) tests/bench/regret.py --json $(BUILD)/bench/regret.json --folder $(BUILD)/bench/regret $(ARGS)

bench-%: setup  ## run one benchmark: tests/bench/<name>.py, rows into build/bench/<name>.json
	mkdir -p $(BUILD)/bench
	$(PY) tests/bench/$*.py --json $(BUILD)/bench/$*.json $(if $(LONG),,--quick) $(ARGS)

clean:  ## remove everything that was built (keeps .venv)
	rm -rf $(BUILD) wheelhouse dist site demo

distclean: clean  ## remove .venv too
	rm -rf $(VENV)
