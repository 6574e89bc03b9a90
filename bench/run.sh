#!/usr/bin/env bash
# Measures Lash in a private test bed: run.sh [suite...] [--runs N] [--seed S] [--json FILE] [--write]
# See bench/README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)'; then
  echo "The benchmark needs Node 24; \`npm ci\` brings it in (with --ignore-scripts its binary is missing)." >&2
  exit 2
fi
for word in "$@"; do
  case $word in -h | --help) exec node bench/main.ts --help ;; esac
done
bash test/bed/prepare.sh base engine28
[ -x dist/cli/main.js ] && [ -z "$(find src scripts package.json -newer dist/cli/main.js -print -quit)" ] ||
  npm run --silent build
LASH_BENCH_COMMIT=$(git describe --always --dirty 2>/dev/null || echo unknown)
export LASH_BENCH_COMMIT
exec bash test/bed/enter.sh node bench/main.ts "$@"
