# Four verbs, the same here and in CI: format, lint, test, check. `make demo` shows the whole story.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help demo test check format lint schema bench clean

help:
	@echo "make demo    install into $(VENV), then run one master and two slaves on this machine"
	@echo "make test    install into $(VENV), then run every test; what needs Ansible installs it into .venv-ansible"
	@echo "make check   formatter, linter, types, import rule, tests: what CI runs"
	@echo "make format  rewrite the code in the house style"
	@echo "make bench   measure, beside rsync, lsyncd and diff where they are installed: docs/performance.md"

$(STAMP): pyproject.toml sync_core/__init__.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	@sh inventory_examples/fill-demo.sh
	@exec $(BIN)/jsync up -i inventory_examples/demo.yaml

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -q

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint test

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venv-ansible inventory_examples/demo
