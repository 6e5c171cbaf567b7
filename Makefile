# Four verbs, the same here and in CI: format, lint, test, check. `make demo` shows the whole story.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Each release of a package that is installed here, with the hashes of its files.
LOCKED := -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
RELEASE := .venv-release/bin

.PHONY: help demo test check format lint bench lock release-check clean

help:
	@echo "make demo    install into $(VENV), then run one master and two slaves on this machine"
	@echo "make test    install into $(VENV), then run every test; what needs Ansible installs it into .venv-ansible"
	@echo "make check   formatter, linter, types, import rule, tests: what CI runs"
	@echo "make format  rewrite the code in the house style"
	@echo "make bench   measure, beside rsync, lsyncd and diff where they are installed: docs/performance.md"
	@echo "make lock    write requirements/ anew: the newest releases that pyproject.toml allows"
	@echo "make release-check  known faults of what jsync needs, and the list of it (build/sbom.json): SECURITY.md"

$(STAMP): pyproject.toml requirements/dev.txt sync_core/__init__.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python $(LOCKED) requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

$(RELEASE)/.installed: requirements/release.txt
	test -x $(RELEASE)/python || $(PYTHON) -m venv .venv-release
	$(RELEASE)/python $(LOCKED) requirements/release.txt
	touch $@

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

lock: $(RELEASE)/.installed
	sh requirements/lock.sh $(RELEASE)/uv

release-check: $(RELEASE)/.installed
	mkdir -p build
	$(RELEASE)/cyclonedx-py requirements --pyproject pyproject.toml --output-file build/sbom.json requirements/run.txt
	$(RELEASE)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/run.txt

clean:
	rm -rf $(VENV) .venv-ansible .venv-release build inventory_examples/demo
