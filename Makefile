# Every target makes .venv itself; it needs Python 3.11 or newer (with venv, which Debian packs as
# python3-venv) and nothing else. Another Python: make PYTHON=/path/to/python3.12 test

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test check bench

demo: $(INSTALLED)
	$(BIN)/sinr-geo demo

test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered --cov-fail-under=90

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(MAKE) test

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.real_files

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "there is no Python 3.11 or newer with venv here; name one: make PYTHON=..." >&2; exit 1; }
	$(BIN)/pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[las,fast,test]'
	touch $@
