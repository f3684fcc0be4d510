# One command each; .ci/run calls `make setup` and `make test`, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup demo test parity lint bench docs clean

setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: setup
	$(BIN)/focaldepth demo -o demo-result --overwrite

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The official networks' cases take minutes each at full size: `make parity` runs them all, the tests small copies.
test: export FOCALDEPTH_PARITY ?=
test: lint
	$(BIN)/pytest -n 2

parity: setup
	$(BIN)/pytest -n 2 -k parity

bench: setup
	$(BIN)/python benchmarks/run.py

docs: setup
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site demo-result
