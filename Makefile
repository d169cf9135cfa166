# Everything a user or developer runs. `make install` needs nothing but Python 3.11 or newer, git and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
DEVELOPED := $(VENV)/developed
HOME_ASSISTANT := $(VENV)/homeassistant
HOME_ASSISTANT_PYTHON ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python) $(shell command -v python3.13))
NAB ?= ../shared/data/nab
NAB_SCORE ?= ../shared/bench/nab_score.py
RECORDINGS ?=

.PHONY: install demo servers check test bench soak lock clean

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/gateway demo

# The environment: Debian keeps venv in a package of its own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'The gateway needs Python 3.11 or newer; set PYTHON=/path/to/python3.11.' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); sh deploy/apt-install.sh python3-venv && $(PYTHON) -m venv $(VENV); }

$(INSTALLED): requirements.lock pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPED): requirements-dev.lock $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# The real ones that tests and benchmarks start for themselves.
servers:
	@command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || sh deploy/apt-install.sh mosquitto
	@command -v influxd >/dev/null || sh deploy/apt-install.sh influxdb
	@command -v strace >/dev/null || sh deploy/apt-install.sh strace

check: $(DEVELOPED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Home Assistant itself: an environment of its own, because it pins what we need in other versions, and another Python.
# 47 s of processor time and 700 MB; where there is no Python 3.13 the tests that need it say so and are skipped.
$(HOME_ASSISTANT)/installed: tests/homeassistant.lock | $(INSTALLED)
	@rm -rf $(HOME_ASSISTANT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv venv --quiet --python $(HOME_ASSISTANT_PYTHON) $(HOME_ASSISTANT)
	$(BIN)/uv pip install --quiet --python $(HOME_ASSISTANT)/bin/python --require-hashes -r $<
	@touch $@

# At most four at once: each may start servers of its own.
test: $(DEVELOPED) servers
	$(BIN)/pytest -m "not soak" --numprocesses auto --maxprocesses 4 --dist loadfile

bench: $(DEVELOPED) servers
	$(BIN)/python tests/benchmarks/run_all.py --nab $(NAB) --nab-score $(NAB_SCORE) \
		$(if $(RECORDINGS),--recordings $(RECORDINGS))

soak: $(DEVELOPED) servers $(if $(HOME_ASSISTANT_PYTHON),$(HOME_ASSISTANT)/installed)
	$(BIN)/pytest -m soak

# After a change of the dependencies in pyproject.toml.
lock: $(BIN)/python
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  pyproject.toml deploy/build.in -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --python-version 3.13 --generate-hashes --no-header \
	  tests/homeassistant.in -o tests/homeassistant.lock

clean:
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
