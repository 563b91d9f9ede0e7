# make demo    see it work: installs the runtime only (no torch), and runs the shipped bundle
# make people  a bundle that knows people: installs the runtime and stzsar-fetch (no torch), downloads
#              CLIP's weights (0.6 GB; HF_ENDPOINT names a mirror, FETCH="…" adds options)
# make setup   .venv with everything, for training, export and development
# make test    everything that must hold: format, lint, import rules, types, docs, tests
# make test-slow   real-size exports, RTX compiles, long streams, other Pythons: before a release
# make soak    eight live streams for 10 and 30 minutes
# make fuzz    untrusted files of every format, mutated for a minute each (Atheris)
# make docs    the pages under docs/ as HTML, with warnings as errors
# make shipped-bundle   train and export the bundle that ships, from nothing (an hour; TRAIN="…" adds
#              options of stzsar-train)
# make constraints   the newest versions of everything, for pip install -c (needs uv)
# make figures     measure the tables of the docs again: hours, on a quiet machine (FIGURES="--only page")
# make release     build, check and describe VERSION=0.2.0 (REHEARSE=--rehearse: from what is not committed)
# make promises    renew the golden copies of what is promised to users (docs/promises.md)
# make skeletons   export the graphs without weights that stzsar-fetch fills

PYTHON ?= python3
BIN := .venv/bin
SHIPPED := runtime/shipped
DEMO := runs/demo
# The runtime's tests run on Python 3.10, JetPack 6's, with the oldest packages that pyproject.toml
# allows, and on the newest packages here. What lies between, JetPack 7's 3.12 among it, runs in
# test-slow, where it is installed.
OTHER_PYTHONS := 3.12 3.13

.PHONY: demo people setup test test-slow soak fuzz docs check test-floors test-other-pythons test-all-here shipped-bundle constraints skeletons promises release figures clean

demo: .venv/.runtime
	@mkdir -p $(DEMO)
	@$(BIN)/stzsar-run --bundle $(SHIPPED)/moving-shapes --source $(SHIPPED)/sample.mp4 \
	    --output $(DEMO)/results.jsonl --video $(DEMO)/annotated.mp4
	@echo "The JSON lines are in $(DEMO)/results.jsonl, the annotated video is $(DEMO)/annotated.mp4."

people: .venv/.people
	@$(BIN)/stzsar-fetch $(FETCH)
	@echo "Start the camera with: $(BIN)/stzsar-run --camera 0"
	@echo "Add --labels FILE for labels of your own, one a line."

setup: .venv/.everything

# Types and docs are checked on one core while the other runs the runtime's tests on 3.10.
test: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=line check test-floors
	@$(MAKE) --no-print-directory test-all-here

test-slow: setup test-other-pythons
	$(BIN)/python -Im pytest -m "slow and not soak"

SECONDS_EACH ?= 60
fuzz: setup
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(SECONDS_EACH)

docs: setup
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "The pages are in docs/_build/html/index.html."

# Eight live streams for 10 and 30 minutes: how old results get, and that memory stays flat.
soak: setup
	$(BIN)/python -Im pytest -s -m soak

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	@$(MAKE) --no-print-directory docs

# Two processes, a file each at a time: fixtures of a file are made once. One thread each, since
# two processes of two threads fight over two cores.
test-all-here: setup
	OMP_NUM_THREADS=1 $(BIN)/python -Im pytest -n 2 --dist loadfile -m "not slow"

test-floors:
	@tests/floors.sh

test-other-pythons:
	@for version in $(OTHER_PYTHONS); do tests/on_python.sh $$version || exit 1; done

# The checkpoint, the labels of the unseen classes, the bundle, the sample clip and its picture.
shipped-bundle: setup
	rm -rf runs/shipped
	$(BIN)/stzsar-train --output runs/shipped --setting all $(TRAIN)
	$(BIN)/python -m stzsar.train.data.sample labels runs/shipped/labels.json
	$(BIN)/stzsar-export runs/shipped --labels runs/shipped/labels.json \
	    --output $(SHIPPED)/moving-shapes
	$(BIN)/python -m stzsar.runtime.fetch.card $(SHIPPED)/moving-shapes
	$(BIN)/python -m stzsar.train.data.sample video $(SHIPPED)/sample.mp4
	$(MAKE) demo
	$(BIN)/python -m stzsar.train.data.sample picture $(DEMO)/annotated.mp4 $(SHIPPED)/demo.png

# For each release: what its users can install years later, on every Python that it supports.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
constraints:
	@mkdir -p constraints
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.10 --no-emit-package stzsar \
	    --no-annotate --no-header --quiet --output-file constraints/$(VERSION).txt

# runtime/fetch/graphs: commit what changed together with what changed it.
skeletons: setup
	$(BIN)/python -m stzsar.export.skeletons

release: setup
	$(BIN)/python release/release.py $(VERSION) $(REHEARSE)

figures: setup
	$(BIN)/python -m stzsar.benchmarks.figures $(FIGURES)

promises: setup
	$(BIN)/python tests/promises/golden.py

.venv/bin/python:
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	    echo "Error: $(PYTHON) makes no environment: apt install python3-venv." >&2; exit 1; }

.venv/.runtime: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cpu]'
	@touch $@

.venv/.people: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cpu,fetch]'
	@touch .venv/.runtime $@

.venv/.everything: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cpu,train,export,dev]'
	@rm -rf .links && mkdir -p .links/stzsar
	@for part in benchmarks export models runtime train __init__.py py.typed; do \
	    ln -sfn ../../$$part .links/stzsar/$$part; done
	@touch .venv/.runtime .venv/.people $@

clean:
	rm -rf .venv .venvs .links build dist *.egg-info
