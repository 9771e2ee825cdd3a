# Keyledger: the few verbs of this project. `make` alone lists them.
.DEFAULT_GOAL := help
DATA ?= keyledger-data
TENANT ?= acme
ADMIN ?= admin@example.com
LISTEN ?= 127.0.0.1:4200
TARGET := $(abspath $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target))

.PHONY: errors help run demo test test-interop test-clients test-browser fuzz bench lint fmt schema doc ci

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, make ./keyledger-data if it is empty, print the first key once, and serve
	@echo "building keyledger (the first time takes a few minutes) ..."
	@cargo build --release --quiet --package keyledger
	@if [ ! -e "$(DATA)/ledger.redb" ]; then \
		echo "making a ledger in $(DATA) with the tenant $(TENANT) and the administrator $(ADMIN) ..."; \
		"$(TARGET)/release/keyledger" init --data "$(DATA)" --tenant "$(TENANT)" --admin "$(ADMIN)"; \
	else \
		echo "$(DATA) holds a ledger already; its first key was shown when it was made"; \
	fi
	@echo "serving $(DATA) on http://$(LISTEN); stop with Ctrl-C ..."
	@"$(TARGET)/release/keyledger" serve --data "$(DATA)" --listen "$(LISTEN)"

demo: ## play the story of fixtures/ against a real server, and show what was checked
	@echo "building keyledger and the demo ..."
	@cargo build --quiet --workspace --bins --locked
	@KEYLEDGER_TEST_BINARY="$(TARGET)/debug/keyledger" "$(TARGET)/debug/demo"

test: ## pass every test; needs a Rust toolchain, curl, script and prlimit
	@for tool in curl script prlimit; do command -v $$tool >/dev/null || \
		{ echo "the tests need $$tool; on Debian: apt-get install curl bsdutils util-linux"; exit 1; }; done
	@echo "building and running every test (the first time takes a few minutes) ..."
	@# The whole workspace is built before the first test runs; the tests from outside use that binary.
	KEYLEDGER_TEST_BINARY="$(TARGET)/debug/keyledger" cargo test --workspace --locked

test-interop: ## hold a real server to libraries that are not ours; needs Python, Node, Go and the network
	@echo "building keyledger ..."
	@cargo build --quiet --workspace --bins --locked
	@bash tests/interop/run.sh "$(TARGET)/debug/keyledger" "$(TARGET)/interop"

test-clients: ## run the real clients in the field, agents included, against a real server; needs Python 3.11 and the network
	@echo "building keyledger ..."
	@cargo build --quiet --workspace --bins --locked
	@KEYLEDGER_TEST_BINARY="$(TARGET)/debug/keyledger" bash tests/clients/run

test-browser: ## walk through the web UI in a real Chromium; needs Python, npm, Chromium and the network
	@echo "building keyledger ..."
	@cargo build --quiet --workspace --bins --locked
	@bash tests/browser/run.sh "$(TARGET)/debug/keyledger" "$(TARGET)/browser"

bench: ## measure what it costs, beside what it is compared with: a table, and target/bench/figures.json
	@echo "building keyledger and the bench ..."
	@cargo build --release --quiet --workspace --bins --locked
	@"$(TARGET)/release/bench" $(BENCH)

FUZZ_SECONDS ?= 60
fuzz: ## feed every parser hostile bytes, FUZZ_SECONDS each; by libFuzzer if there is a nightly compiler
	@bash fuzz/run.sh "$(FUZZ_SECONDS)"

lint: ## formatting and lints, as CI runs them
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

fmt: ## format the code
	cargo fmt --all

schema: ## publish the server's GraphQL schema to schema.graphql
	UPDATE_SCHEMA=1 cargo test --quiet --package keyledger-server --test schema

errors: ## write docs/errors.md from the catalogue of codes
	UPDATE_DOCS=1 cargo test --quiet --package keyledger --test cli explain

doc: ## build the documentation of the code, private items too; every warning is an error
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --locked

ci: ## what CI runs
	bash .ci/run
