# Lieu. `make` lists what there is; `make run` starts a whole clinic on this machine.

.DEFAULT_GOAL := help
.PHONY: help run build test race e2e lint fmt generate bench fuzz docker-up

GO       ?= go
ARGS     ?=
FUZZTIME ?= 30s
PACKAGES ?= ./...

# Packages whose tests are about several goroutines at once; each runs once more under the race detector.
RACE := ./internal/store/... ./internal/dispensing/... ./internal/station/... ./devices/...

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

help: ## list the targets
	@echo 'usage: make <target>'
	@echo
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo 'make run ARGS=--auto       the simulated counter also doses a morning of patients by itself'
	@echo 'make fuzz FUZZTIME=5m      longer; PACKAGES=./pkg/gs1 fuzzes one package'

run: ## start a clinic here: database, server, simulated counter (Ctrl-C ends it)
	@echo 'Building. The first build downloads and compiles everything: one to three minutes. Later ones take seconds.'
	@$(MAKE) --no-print-directory build
	@exec bin/lieu demo $(ARGS)

build: ## build clinicd, counterd and lieu into bin/
	@mkdir -p bin
	@CGO_ENABLED=0 $(GO) build -o bin/ ./cmd/...

test: ## vet and test everything; concurrency once more under the race detector
	@.ci/have
	@echo '== go vet'
	@CGO_ENABLED=0 $(GO) vet ./...
	@echo '== go test (the first run compiles everything; minutes on two cores)'
	@CGO_ENABLED=0 $(GO) test -timeout 15m $$($(GO) list ./... | grep -v /internal/e2e)
	@echo '== go test of the whole system: real processes and a browser, by themselves so that nothing slows them'
	@CGO_ENABLED=0 $(GO) test -timeout 25m ./internal/e2e
	@$(MAKE) --no-print-directory race
	@echo '== passed'

race: ## the concurrent packages under the race detector
	@if [ "$$(CGO_ENABLED=1 $(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null 2>&1; then \
		set -e; for p in $(RACE); do \
			echo "== go test -race $$p"; CGO_ENABLED=1 LIEU_ROUNDS=10 $(GO) test -race -timeout 10m "$$p"; \
		done; \
	else echo '== SKIPPED: race detector (it needs a C compiler, such as gcc)'; fi

e2e: ## the whole system over simulated devices, with a browser and PostgreSQL, verbosely
	@.ci/have
	$(GO) test -count=1 -timeout 25m -v ./internal/e2e/...

lint: ## golangci-lint with .golangci.yml (downloads and builds the linter the first time)
	$(GO) run $(GOLANGCI) run

fmt: ## gofmt and import order
	$(GO) run $(GOLANGCI) fmt

generate: ## write the generated code again from api/openapi.yaml
	$(GO) generate ./...

bench: ## the server against what its machine can do, as ratios (LIEU_BENCH_LARGE=1 adds five million past doses)
	$(GO) test ./internal/bench -run '^$$' -bench . -benchtime 6x -timeout 60m

fuzz: ## run every fuzz target in turn, FUZZTIME each
	@.ci/fuzz $(FUZZTIME) $(PACKAGES)

docker-up: ## clinicd, PostgreSQL, Prometheus and Grafana in containers
	docker compose up --build
