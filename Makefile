# `make demo` and `make test` need nothing but Python 3.11 or newer: they install into .venv, once.

PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# Five processes for two processors: tests on servers wait more than they work. See tests/support/spread.py.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadscope --no-loadscope-reorder
READY := .venv/.ready
INSTALLED := .venv/.installed
FIGURES := .venv/.figures

# Tests start hundreds of processes. Without its byte code each would compile the engine and its libraries: a second apiece.
export PYTHONDONTWRITEBYTECODE :=

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: $(INSTALLED) $(FIGURES) ## a year and a half of purchases through rules/ and templates/ into out/
	@$(BIN)/engine demo $(ARGS)

demo-live: $(READY) ## the whole chain on real servers, from a sign-up to an unsubscribe (a minute); ARGS=--stay keeps them running
	@$(BIN)/python -m tests.demo_live $(ARGS)

quick: $(READY) ## the tests that need no server, with fewer generated examples (over a minute): for every save
	@ENGINE_TEST_EXAMPLES=0.1 $(PYTEST) -n logical -m "not (e2e or kafka or redis or soak)" --ignore=tests/e2e $(ARGS)

test: $(READY) ## all tests; ARGS="-k win_back" for some, ARGS="-n 0" one after the other
	@$(PYTEST) $(ARGS)

soak: $(READY) ## the fault tests again and again, harder: for SOAK_SECONDS=600, with seeds from SOAK_SEED=1
	@$(BIN)/python -m tests.soak $(ARGS)

bench: $(READY) ## measure the engine beside other programs (10 minutes); ARGS="--quick", ARGS="job latency", ARGS=--help
	@$(BIN)/python -m bench $(ARGS)

rules: $(READY) ## check and test the example rules
	@$(BIN)/engine check
	@$(BIN)/engine test

lint: $(READY) ## style, format and imports between packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## fix style and format where a tool can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy

check: lint types rules test ## all that a change must pass

schema: $(READY) ## generate the JSON Schemas of the rule language
	@$(BIN)/engine schema --write

wheel: $(READY) ## build the package into dist/
	@rm -rf dist
	@$(BIN)/python -m build --wheel --outdir dist .

compiled: ## build the package with its hot modules compiled, for this platform and Python; needs a C compiler
	@ENGINE_COMPILE=1 $(MAKE) --no-print-directory wheel

test-compiled: $(READY) ## most tests against the compiled package; ARGS="tests/unit -k win_back" for some
	@$(BIN)/python -m tests.compiled test $(ARGS)

bench-compiled: $(READY) ## `make bench` with the compiled package
	@$(BIN)/python -m tests.compiled bench $(ARGS)

install: $(READY) ## install the engine and all that tests need into .venv

clean: ## remove .venv and everything that was built
	rm -rf .venv out dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(FIGURES): $(INSTALLED)
	@$(PIP) -e '.[insight]'
	@touch $@

$(READY): $(INSTALLED)
	@$(PIP) -e '.[test,dev]'
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@for candidate in $(PYTHON); do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed; tried: $(PYTHON). Say where it is with PYTHON=/path/to/python3." >&2; exit 1; \
	fi; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "Installing into .venv with $$python (once; half a minute or so)"; \
	if ! $(BIN)/python -c 'import pip' 2>/dev/null; then $$python -m venv --clear .venv; fi
	@$(PIP) -e .
	@touch $@

.PHONY: help demo demo-live quick test soak bench rules lint format types check schema wheel compiled test-compiled bench-compiled install clean
