# Everything that people and CI do here. Go, make and git are enough to start:
# what else is needed is installed by the targets that need it, and they say so.

GO      ?= go
BIN     := bin/fairlead
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
DATA    ?= data

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/fairlead
	$(GO) build -ldflags "-X main.version=$(VERSION)" -o $(BIN) ./cmd/fairlead

.PHONY: test-engine
test-engine: ## Bring the server that fault tests run on: MariaDB, or MySQL with FAIRLEAD_TEST_ENGINE=mysql
	@if [ "$$FAIRLEAD_TEST_ENGINE" = mysql ]; then scripts/get-mysql.sh; else $(MAKE) --no-print-directory localdb; fi

.PHONY: run
run: build localdb ## Run the service on a private database with a demo pool (data in ./data)
	exec env FAIRLEAD_DATA_DIR=$${FAIRLEAD_DATA_DIR:-$(DATA)} $(BIN) serve --demo

.PHONY: localdb
localdb: ## Install the database server program of the private database, if it is missing
	$(GO) run ./cmd/fairlead localdb install

.PHONY: test
test: localdb fault-tools redis lint verify-generated ## Check everything: lint, generated code, all tests with the race detector, chaos
	$(GO) test -race -timeout 20m ./...
	$(MAKE) chaos

.PHONY: fault-tools
fault-tools: ## Install what makes networks and file systems for fault tests, if it is missing and may be installed
	scripts/get-fault-tools.sh

.PHONY: test-short
test-short: ## Run the tests that need no database
	$(GO) test ./assign ./api/... ./observe ./internal/archtest ./internal/seed

.PHONY: test-mysql
test-mysql: fault-tools ## Run the database tests on MySQL, which is unpacked into the cache, not installed
	scripts/get-mysql.sh
	FAIRLEAD_TEST_ENGINE=mysql $(GO) test -race -timeout 20m ./lock ./store ./e2e/...

.PHONY: test-engines
test-engines: ## Ask MariaDB, MySQL and TiDB, as far as they can be had, what Fairlead believes of their named locks
	scripts/test-engines.sh

# The program without the race detector, so that the machine is busy with
# faults; `make test` has a short run with it.
CHAOS := $(GO) test -count 1 -v ./e2e/chaos

.PHONY: chaos
chaos: test-engine ## Kill, stop and cut everything under load, and judge what callers saw (T=200s of faults, SEED=1)
	$(CHAOS) -timeout 30m -run TestChaos -args -for=$${T:-200s} -round=25s -seed=$${SEED:-1} -keep=$${KEEP:-$(CURDIR)/chaos-histories}

.PHONY: soak
soak: test-engine ## The same for long (T=60m, SEED=1); keeps the history of a round that finds something
	$(CHAOS) -timeout 0 -run TestChaos -args -for=$${T:-60m} -round=120s -seed=$${SEED:-1} -keep=$${KEEP:-$(CURDIR)/chaos-histories}

.PHONY: mutants
mutants: test-engine fault-tools ## Break the program on purpose, in many ways, and see each found out (MUTANTS=all: with the lock and without)
	$(CHAOS) -timeout 60m -run TestMutants -args -mutants=$${MUTANTS:-once}
	$(GO) test -count 1 -v -timeout 15m ./e2e/faults -run TestSlowMutants -args -mutants

.PHONY: overload
overload: test-engine ## Ask for ten times what the service can do (T=60s)
	$(GO) test -timeout 30m -count 1 -v ./e2e/overload -args -overload=$${T:-60s} -assert

.PHONY: fuzz
fuzz: ## Fuzz each parser for a while (T=30s each)
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${T:-30s} $$p || exit 1; \
	  done; \
	done

.PHONY: lint
lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	  if [ -n "$$unformatted" ]; then echo "run gofmt on: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

.PHONY: generate
generate: ## Make the generated code anew from api/openapi.yaml
	$(GO) generate ./...

.PHONY: verify-generated
verify-generated: generate ## Fail if the generated code is not that of the specification
	@git diff --exit-code -- '*.gen.go' || { echo "commit what make generate makes"; exit 1; }

SPEED := $(GO) test -run '^$$' -count 1 -timeout 0

.PHONY: bench
bench: test-engine redis ## Run the benchmarks below HTTP: the rule, the API alone, and the designs side by side
	$(SPEED) -bench . -benchmem ./assign ./api ./observe
	$(SPEED) -bench 'Inside' -benchtime 1x ./e2e/speed

.PHONY: bench-http
bench-http: test-engine ## Measure the service beside others and beside itself, as ratios (BENCH=BesideOthers for one of them)
	$(SPEED) -v -bench 'HTTP.*$(BENCH)' -benchtime 1x ./e2e/speed $(if $(BENCHARGS),-args $(BENCHARGS))

.PHONY: redis
redis: ## Bring the Redis that is compared with, if it is missing: unpacked into the cache, not installed
	scripts/get-redis.sh

.PHONY: profile
profile: test-engine ## Record where a busy instance spends its time, for go tool pprof (PROFILE=cpu.prof)
	$(SPEED) -bench Profile -benchtime 1x ./e2e/speed -args -profile=$(abspath $(or $(PROFILE),cpu.prof))

.PHONY: clean
clean: ## Remove what was built (not ./data)
	rm -rf bin
