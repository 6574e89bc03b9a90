#!/usr/bin/env bash
# Longer fault suites, with seeds that replay: run.sh [suite...] [--seed S] [--runs N]
# See docs/reliability.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)'; then
  echo "The fault suites need Node 24; \`npm ci\` brings it in (with --ignore-scripts its binary is missing)." >&2
  exit 2
fi
for word in "$@"; do
  case $word in -h | --help) exec node test/faults/main.ts --help ;; esac
done
if [ "${1:-}" = memory-graphs ]; then exec node test/faults/main.ts "$@"; fi
bash test/bed/prepare.sh base
[ -x dist/cli/main.js ] && [ -z "$(find src scripts package.json -newer dist/cli/main.js -print -quit)" ] ||
  npm run --silent build
exec bash test/bed/enter.sh node test/faults/main.ts "$@"
