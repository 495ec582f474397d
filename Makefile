# Two commands: `make demo` builds the sample world, `make test` runs every check.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAKE ?= sample-lake
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check clean

demo: $(VENV)/core-installed
	$(BIN)/multiinstruct build --sample --lake $(LAKE)

test: $(VENV)/dev-installed check
	$(BIN)/pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder

check: $(VENV)/dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint transforms

$(VENV)/core-installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/dev-installed: $(VENV)/core-installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) $(LAKE) .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
