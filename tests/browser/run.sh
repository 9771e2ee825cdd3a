#!/usr/bin/env bash
# Walks through the web UI in a real Chromium: every page and flow, with and without JavaScript, at two widths, light and
# dark, at the root and under a path, by keyboard, and past axe-core.
# Usage: run.sh BINARY SCRATCH. What is installed goes into the folder SCRATCH, and is kept there for the next time.
# With UPDATE_SCREENSHOTS=1 the pictures of docs/screenshots are taken anew.
set -euo pipefail
binary=$(realpath "$1")
mkdir -p "$2"
scratch=$(realpath "$2")
cd "$(dirname "$0")"

missing=()
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v npm >/dev/null || missing+=(nodejs npm)
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
[ -d /usr/share/fonts/truetype/dejavu ] || missing+=(fonts-dejavu-core)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install --yes --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "test-browser needs ${missing[*]}; install it, or run this as root on Debian" >&2
    exit 1
  fi
fi

# Installed anew only when what is pinned has changed.
pins=$(cat requirements.txt package.json package-lock.json | cksum)
if [ "$(cat "$scratch/pins" 2>/dev/null)" != "$pins" ]; then
  echo "installing selenium and axe-core into $scratch ..."
  rm -rf "$scratch/venv" "$scratch/node"
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  mkdir -p "$scratch/node"
  cp package.json package-lock.json .npmrc "$scratch/node/"
  (cd "$scratch/node" && npm ci --silent --no-update-notifier)
  echo "$pins" >"$scratch/pins"
fi

data=$(mktemp -d "$scratch/data.XXXXXX")
server=
fresh=
finish() {
  for process in $server $fresh; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  rm -rf "$data"
}
trap finish EXIT
for name in $(compgen -e | grep '^KEYLEDGER_' || true); do unset "$name"; done
"$binary" init --data "$data/ledger" --tenant acme --admin ada@example.com -o json >"$data/made.json"
# The files are there before they are looked into.
: >"$data/said"
"$binary" serve --data "$data/ledger" --listen 127.0.0.1:0 >"$data/said" 2>"$data/log" &
server=$!
for _ in $(seq 600); do
  url=$(sed -n 's/^listening on //p' "$data/said")
  [ -n "$url" ] && break
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$url" ] || { echo "the server does not start" >&2; cat "$data/log" >&2; exit 1; }

# A second one, which nobody has set up.
: >"$data/link"
"$binary" serve --data "$data/fresh" --set-up --listen 127.0.0.1:0 >"$data/link" 2>"$data/fresh-log" &
fresh=$!
for _ in $(seq 600); do
  link=$(sed -n 's/^ *\(http.*\/ui\/set-up?code=.*\)$/\1/p' "$data/link")
  [ -n "$link" ] && break
  kill -0 "$fresh" 2>/dev/null || { cat "$data/fresh-log" >&2; exit 1; }
  sleep 0.1
done
[ -n "$link" ] || { echo "the second server prints no link" >&2; cat "$data/fresh-log" >&2; exit 1; }

pictures="$scratch/screenshots"
mkdir -p "$pictures"
"$scratch/venv/bin/python" -B flows.py "$url" "$data/made.json" "$scratch/node/node_modules/axe-core/axe.min.js" "$pictures" "$link"

if [ "${UPDATE_SCREENSHOTS:-}" = 1 ]; then
  for name in keys key new-key revoke accounts time-machine keys-phone key-phone; do
    cp "$pictures/$name.png" ../../docs/screenshots/
  done
fi
