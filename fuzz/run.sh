#!/usr/bin/env bash
# Feeds every target for a while: by libFuzzer where there is a nightly compiler, and otherwise by the tests, with many
# more changes of the corpora than usual. Takes the seconds for each target.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
tools="$PWD/target/tools"
targets="key_string record jwt graphql token_form callback"

by_the_tests() {
  echo "fuzz: $1; so the corpora and ten times the usual changes of them are fed by the tests instead"
  KEYLEDGER_FUZZ_RUNS="${KEYLEDGER_FUZZ_RUNS:-20000}" cargo test --workspace --locked --test system fuzz::
  exit 0
}

cargo +nightly --version >/dev/null 2>&1 || by_the_tests "there is no nightly compiler (rustup toolchain install nightly)"
export PATH="$tools/bin:$PATH"
if ! command -v cargo-fuzz >/dev/null; then
  echo "installing cargo-fuzz into target/tools ..."
  cargo +nightly install cargo-fuzz --locked --quiet --root "$tools" ||
    by_the_tests "cargo-fuzz cannot be installed"
fi

# Ledgers of targets that have one; memory is faster than a disk, and nothing of it is to be kept.
scratch="$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" keyledger-fuzz.XXXXXX)"
trap 'rm -rf "$scratch"' EXIT
# Nothing here is unsafe, so a sanitizer of addresses would only double the time and the build.
cargo +nightly fuzz build --sanitizer none ||
  by_the_tests "this nightly compiler does not build the targets"
for target in $targets; do
  echo "== $target, for $seconds seconds"
  found="target/fuzz-found/$target"
  mkdir -p "$found"
  # What is new goes to target/fuzz-found; the corpus in the repository is only read.
  TMPDIR="$scratch" cargo +nightly fuzz run --sanitizer none "$target" "$found" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -dict="fuzz/dictionaries/$target.dict" -max_len=16384 -timeout=20 \
    -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -seed="${FUZZ_SEED:-0}"
done
echo "fuzz: every target held for $seconds seconds; what is new is under target/fuzz-found"
