# make run    install what is missing, run the plan, fill figures/ and reports/: notebooks, brief, slides, explorer
# make test   every check
# make lab    JupyterLab with the environment and the notebooks

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.DEFAULT_GOAL := run
.PHONY: run test lab format lock clean

run: $(STAMP)
	@$(BIN)/uhisabi run
	@$(BIN)/uhisabi figures --zip
	@$(BIN)/uhisabi explorer

# Style, types, the direction of imports, the house's own check, then all tests with the examples in docstrings.
# The notebooks come first: one process is busy with them while the other does the rest.
test: $(STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/uhisabi check
	@$(BIN)/python -m pytest --doctest-modules tests/house src tests --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Opens with notebooks/README.md as a page, not as text: papers are shown rendered (notebooks/.jupyter).
lab: $(STAMP)
	@JUPYTER_CONFIG_PATH="$(CURDIR)/notebooks/.jupyter:$$JUPYTER_CONFIG_PATH" $(BIN)/jupyter lab \
	    --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks/README.md

format: $(STAMP)
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

# The project itself is installed editable and without its dependencies: those come from the lock, by hash.
$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	    uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	    VIRTUAL_ENV=$(VENV) uv pip sync --quiet --require-hashes requirements.lock && \
	    VIRTUAL_ENV=$(VENV) uv pip install --quiet --no-deps --no-build-isolation --editable . ; \
	else \
	    $(PYTHON) -m venv $(VENV) && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ; \
	fi
	@touch $@

# Renew the pins after a change in pyproject.toml (needs uv).
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --group dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) data/processed reports
