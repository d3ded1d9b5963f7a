# make app    creates .venv, installs what the app needs, serves it on http://localhost:8501
# make test   installs what the tests need and runs all of them, browser tests included
# make lint   ruff and mypy alone
# make bench  seconds and peak memory per task, as a Markdown table
# A second run of any of them skips the installation unless a requirements file changed.

VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8501
# Set it to install PyTorch from an index of its own, e.g. TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := $(shell grep '^torch==' requirements.txt)

export UV_SYSTEM_CERTS := 1

.PHONY: app test lint bench chromium clean

app: $(VENV)/.app
	$(PY) -m streamlit run streamlit_app.py --server.port $(PORT)

test: lint chromium
	$(PY) -m pytest

lint: $(VENV)/.test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: $(VENV)/.app
	$(PY) -m benchmarks

# A Chromium for the browser tests: the machine's own, else the distribution's, else Playwright's.
chromium: $(VENV)/.test
	@command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable \
	  || { command -v apt-get >/dev/null && apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium; } \
	  || $(PY) -m playwright install chromium

clean:
	rm -rf $(VENV)

# uv installs in a fraction of pip's time; where PyPI's uv does not run, pip does the same work.
$(VENV)/.app: requirements.txt | $(PY)
	$(if $(TORCH_INDEX),$(call install,$(TORCH) --index-url $(TORCH_INDEX)))
	$(call install,-r requirements.txt)
	@touch $@

$(VENV)/.test: requirements-test.txt $(VENV)/.app
	$(call install,-r requirements-test.txt)
	@touch $@

define install
	$(PY) -m uv pip install --python $(PY) $(1) || $(PY) -m pip install $(1)
endef

# The first Python from 3.11 to 3.13 that starts. Debian's may lack ensurepip: then uv, fetched by pip, makes the environment.
$(PY):
	@set -e; for name in python3.13 python3.12 python3.11 python3 python; do \
	  if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found=$$name; break; fi; done; \
	test -n "$$found" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found on PATH." >&2; exit 1; }; \
	echo "creating $(VENV) with $$($$found --version)"; \
	if $$found -m venv --clear $(VENV); then $(PY) -m pip install -q uv || echo "uv is not available; pip installs instead"; \
	else $$found -m pip install -q --target $(VENV).uv uv \
	  && PYTHONPATH=$(VENV).uv $$found -m uv venv -q --clear --python "$$(command -v $$found)" $(VENV) \
	  && PYTHONPATH=$(VENV).uv $$found -m uv pip install -q --python $(PY) uv pip \
	  || { rm -rf $(VENV) $(VENV).uv; exit 1; }; rm -rf $(VENV).uv; fi
