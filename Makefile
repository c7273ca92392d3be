# Every command of the platform. CI runs the same ones.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python

.PHONY: help
help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

.PHONY: setup
setup:  ## install what is missing: packages, .venv, Kafka (on Debian or Ubuntu; root or sudo)
	@operations/setup.sh

.PHONY: env
env:  ## make .env with fresh secrets, or fill in a copied one (needs only Python; `make up` does it too)
	@$$(command -v $(PYTHON) || command -v python3) -m operations.environment

.PHONY: env-example
env-example: setup  ## write .env.example, docs/settings.md and the environments of docker-compose.yml from the settings models
	@$(PYTHON) -m operations.setting_files

.PHONY: up
up: setup  ## start everything and wait until it is ready (PORT_OFFSET=1000 moves all ports; NAME=kafka or NAME=matching_service for one)
	@$(PYTHON) -m operations up $(NAME)

.PHONY: restart
restart: setup  ## after a change of code or `.env`: stop and start again; NAME=matching_service for one
	@$(PYTHON) -m operations restart $(NAME)

.PHONY: down
down:  ## stop exactly what `make up` started; NAME=matching_service for one
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m operations down $(NAME)

.PHONY: status
status: setup  ## every process with its address, state and memory
	@$(PYTHON) -m operations status

.PHONY: logs
logs: setup  ## follow the logs; NAME=kafka or NAME=matching_service for one
	@$(PYTHON) -m operations logs $(NAME)

.PHONY: mails
mails: setup  ## the mails that were sent; ID=... shows one of them
	@$(PYTHON) -m operations mails $(ID)

.PHONY: token
token:  ## an access token of the first administrator, for some minutes; ROLE=caller: of an account with that role alone; OTP=123456
	@$(PYTHON) -m operations token $(if $(ROLE),--role $(ROLE)) $(if $(HEADER),--header)

.PHONY: demo
demo: setup  ## watch the main job: from a scraped file to an e-mail to a therapist
	@$(PYTHON) -m testkit.demo

.PHONY: scrape
scrape: setup  ## run the scraper (scraper/README.md): ARGS="scrape --help"
	@PYTHONPATH=scraper $(PYTHON) -m therapist_scraper $(ARGS)

.PHONY: test
test: setup  ## run the tests on real servers, in six processes; ARGS="-k name" or ARGS=tests/… chooses
	@$(PYTHON) -m tests $(ARGS)

.PHONY: test-fast
test-fast: setup  ## run the tests that take no more than two seconds each
	@$(PYTHON) -m tests -m "not slow" $(ARGS)

.PHONY: test-times
test-times: setup  ## run them and list what took more than two seconds and is not marked slow
	@$(PYTHON) -m tests -m "not slow" --durations=0 --durations-min=2 $(ARGS)

.PHONY: fuzz
fuzz: setup  ## made-up requests against every OpenAPI document; CASES=50000 SEED=… repeats, ARGS="--service patient_service"
	@$(PYTHON) -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: check
check: setup  ## lint, format, types, import contracts, unused packages, secrets, known vulnerabilities
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=.:scraper .venv/bin/lint-imports
	@.venv/bin/deptry .
	@cd scraper && ../.venv/bin/deptry .
	@$(PYTHON) -m tests.checks.secret_scan
	@$(PYTHON) -m tests.checks.dependency_audit

.PHONY: format
format: setup  ## put the code into the agreed form
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

.PHONY: bench
bench: setup  ## measure against baselines; writes build/bench.json
	@$(PYTHON) -m benchmarks $(ARGS)

.PHONY: simulate
simulate: setup  ## play a year under several policies of whom to ask, and compare them; ARGS="--seed 2 --weeks 26" or ARGS=--help
	@$(PYTHON) -m simulation $(ARGS)

.PHONY: migrate
migrate: setup  ## bring every schema to its newest revision
	@$(PYTHON) -m migrations up

.PHONY: migration
migration: setup  ## generate a migration: SERVICE=patient_service MESSAGE="keep the title"
	@[ -n "$(SERVICE)" ] && [ -n "$(MESSAGE)" ] || { echo 'usage: make migration SERVICE=patient_service MESSAGE="what it does"' >&2; exit 2; }
	@$(PYTHON) -m migrations new "$(SERVICE)" "$(MESSAGE)"

.PHONY: events
events: setup  ## write docs/asyncapi.json, and samples of what new events look like, from the catalogue
	@$(PYTHON) -m operations.event_document
	@$(PYTHON) -m tests.samples.published --write-missing

.PHONY: export-schema
export-schema: setup  ## write docs/patient-export.schema.json from what the services say that they hold about a patient
	@$(PYTHON) -m operations.export_document

.PHONY: import-schema
import-schema: setup  ## write docs/therapist-import.schema.json, which the scraper has too, from the code that reads the import's files
	@$(PYTHON) -m operations.import_document

.PHONY: gateway
gateway: setup  ## write gateway/nginx.conf.template from the services' routes
	@$(PYTHON) -m gateway

.PHONY: postman
postman: setup  ## write a Postman collection of all services and its environment; ARGS=--sign-in puts the administrator in
	@$(PYTHON) -m operations.postman $(ARGS)

.PHONY: postman-run
postman-run: setup  ## send every request of it to the running platform (needs Node); ARGS="--folder Walkthrough"
	@$(PYTHON) -m operations.postman --run -- $(ARGS)

LOCK := env -u PIP_FIND_LINKS UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile pyproject.toml --quiet --universal \
	--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate

.PHONY: lock
lock:  ## choose the versions of all Python packages anew (needs uv); UPGRADE=1 takes newer ones
	@$(LOCK) $(if $(UPGRADE),--upgrade) -o requirements/runtime.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --extra tracing -o requirements/tracing.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --extra object-storage -o requirements/object-storage.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --extra tracing --extra object-storage -o requirements/image.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --extra tracing --extra object-storage --extra plots --group dev -o requirements/dev.txt

.PHONY: chaos
chaos: setup  ## let parts die under load and audit the outcome; SEED=… SECONDS=… repeat it, BROKERS=3 for three of Kafka
	@$(PYTHON) -m chaos $(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(BROKERS),--brokers $(BROKERS)) $(ARGS)
