#!/usr/bin/env bash
# The whole suite: unit tests anywhere; engine tests in a private bed (test/bed), which needs root on Debian or its like.
# Arguments go to vitest, for example `npm test -- test/scenarios/start.test.ts`.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 22 ? 0 : 1)'; then
  echo "The tests need Node 22.14 or newer; \`npm ci\` brings Node 24 in (with --ignore-scripts its binary is missing)." >&2
  exit 2
fi
[ -x dist/cli/main.js ] && [ -z "$(find src scripts package.json -newer dist/cli/main.js -print -quit)" ] || npm run --silent build || exit 1

bash test/bed/prepare.sh
prepared=$?
if [ "$prepared" -eq 0 ]; then
  exec bash test/bed/enter.sh vitest run "$@"
fi
echo
echo "No private engine here, so only what needs none is tested now; the engine tests were NOT run." >&2
vitest run --project unit "$@"
unit=$?
# In CI a run without the engine tests must not look like one with them.
if [ "${CI:-}" = "true" ]; then exit 1; fi
exit "$unit"
