#!/usr/bin/env bash
# Holds a running server to libraries that are not ours: PyJWT, Authlib, jose, the audit of graphql-http, and what
# others check transparency logs with: Go's note and tlog, @sigstore/verify, aics-tlog, and the witness aics-witness.
# Usage: run.sh BINARY SCRATCH. What is installed goes into the folder SCRATCH, and is kept there for the next time.
set -euo pipefail
binary=$(realpath "$1")
mkdir -p "$2"
scratch=$(realpath "$2")
cd "$(dirname "$0")"

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
mod=/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog
command -v go >/dev/null || missing+=(golang-go)
[ -d "$mod" ] || missing+=(golang-golang-x-mod-dev)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "test-interop needs ${missing[*]}; install it, or run this as root on Debian" >&2
    exit 1
  fi
fi

# Installed anew only when what is pinned has changed.
pins=$(cat requirements.txt requirements-tlog.txt package.json package-lock.json | cksum)
if [ "$(cat "$scratch/pins" 2>/dev/null)" != "$pins" ]; then
  echo "installing PyJWT, Authlib, aics-tlog, aics-witness, jose, graphql-http and @sigstore/verify into $scratch ..."
  rm -rf "$scratch/venv" "$scratch/node"
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  # They ask for Python 3.12, and do with the 3.11 of Debian 12.
  "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --ignore-requires-python \
    --requirement requirements-tlog.txt
  mkdir -p "$scratch/node"
  cp package.json package-lock.json .npmrc "$scratch/node/"
  (cd "$scratch/node" && npm ci --silent --no-update-notifier)
  echo "$pins" >"$scratch/pins"
fi
# Modules are looked for beside the programs that import them.
cp ./*.mjs "$scratch/node/"

data=$(mktemp -d "$scratch/data.XXXXXX")
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$data"
}
trap finish EXIT
for name in $(compgen -e | grep '^KEYLEDGER_' || true); do unset "$name"; done
"$binary" init --data "$data/ledger" --tenant acme --admin ada@example.com -o json >"$data/made.json"
# Chosen beforehand: it is part of the issuer, which tokens name.
port=$("$scratch/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$binary" serve --data "$data/ledger" --listen "127.0.0.1:$port" >"$data/said" 2>"$data/log" &
server=$!
for _ in $(seq 600); do
  url=$(sed -n 's/^listening on //p' "$data/said")
  [ -n "$url" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$url" ] || { echo "the server does not start" >&2; cat "$data/log" >&2; exit 1; }

# Each prints a line for what it checked, "ok …" or "FAIL …". One that breaks off has failed, too.
check() {
  echo "-- $1"
  shift
  if ! "$@" "$url" "$data/made.json" 2>&1 | tee -a "$data/results"; then
    echo "FAIL it broke off" | tee -a "$data/results"
  fi
}
check "tokens and OAuth, by PyJWT and Authlib" "$scratch/venv/bin/python" -B tokens.py
# Node 18, which Debian 12 has, hides what jose needs behind a flag.
node=(node)
node -e 'process.exit(globalThis.crypto ? 0 : 1)' || node+=(--experimental-global-webcrypto)
check "tokens, by jose" "${node[@]}" "$scratch/node/tokens.mjs"
check "the log, by Go's golang.org/x/mod/sumdb" \
  env GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$scratch/go" go run tlog.go
check "the log, by @sigstore/verify" "${node[@]}" "$scratch/node/tlog.mjs"
check "the log, by aics-tlog" "$scratch/venv/bin/python" -B tlog.py
check "the log, by the witness aics-witness" "$scratch/venv/bin/python" -B witness.py "$binary"
check "GraphQL over HTTP, by the audit of graphql-http" "${node[@]}" "$scratch/node/audit.mjs"

passed=$(grep -c '^ok ' "$data/results" || true)
failed=$(grep -c '^FAIL ' "$data/results" || true)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
