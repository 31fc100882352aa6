PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: install reproduce test test-slow test-bounds browser-test fuzz matrix lint docs docs-run benchmark audit licences lock clean

install: $(VENV)/installed

$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "$(PYTHON) is Python %d.%d; sdf1-field needs 3.11 to 3.13. Choose one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

reproduce: install
	$(BIN)/sdf1-field reproduce deniz2023 --quick

test: install
	$(BIN)/python -m pytest $(PARALLEL)

# What takes seconds each: convergence, other processes, whole documentation.
test-slow: install
	$(BIN)/python -m pytest $(PARALLEL) -m slow

# Needs Chromium, and Playwright, which the lock does not have.
browser-test: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "playwright>=1.40"
	$(BIN)/python -m pytest -m browser

# With every index into an array checked: kernels are compiled anew, and kept beside the others.
test-bounds: install
	NUMBA_BOUNDSCHECK=1 $(BIN)/python -m pytest $(PARALLEL)

# Every supported Python that is here, with the versions of the lock and the newest ones allowed.
matrix:
	.ci/matrix

# Damaged files for every reader, each with 5 s and 2 GB; FUZZ="--reader scenes --minutes 2".
FUZZ ?= --minutes 60
fuzz: install
	cd tests && ../$(BIN)/python -m fuzz $(FUZZ)
	cd tests && ../$(BIN)/python -m fuzz.random_models 0 1000 30

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# Every command and Python block of README and docs, compared with the output on the page; 20 min of
# CPU. PAGES="README.md docs/tutorial.md" runs some, and RUN=--slow what takes hours, RUN=--record
# records.
docs-run: install
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python docs/run.py $(RUN) $(PAGES)

# In an environment of its own: the versions of the lock, and py-pde.
benchmark: .venv-benchmark/installed
	.venv-benchmark/bin/python -m benchmarks

.venv-benchmark/installed: requirements.lock pyproject.toml benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-benchmark
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r benchmarks/requirements.txt
	.venv-benchmark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Known vulnerabilities of the lock's packages; fails if one cannot be looked up.
audit: install
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock

licences: install
	$(BIN)/python validation/trust/licences.py

# Needs uv (https://docs.astral.sh/uv/): resolves for every supported Python at once.
lock:
	uv pip compile pyproject.toml --extra dev --extra docs --extra inference --extra tracks --extra images --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header -q -o requirements.lock

clean:
	rm -rf $(VENV) .venv-audit .venv-matrix build dist docs/_build .pytest_cache .mypy_cache .ruff_cache
