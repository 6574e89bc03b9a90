#!/usr/bin/env bash
# Builds the staged images with an engine 20.10 and saves them as one tar: build-images.sh FOLDER.
# Runs inside enter.sh; the engine ends with the namespace.
set -euo pipefail

folder=$1
export PATH=$LASH_TEST_CACHE/engine20/bin:$PATH
run=$LASH_BED_DIR/build
mkdir -p "$run"
echo "{\"deprecated-key-path\": \"$run/key.json\"}" >"$run/daemon.json"
export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run/config DOCKER_BUILDKIT=0
dockerd --host "$DOCKER_HOST" --config-file "$run/daemon.json" \
  --data-root "$run/data" --exec-root "$run/exec" --pidfile "$run/pid" \
  --cgroup-parent "/${LASH_BED_DIR##*/}-build" >"$run/log" 2>&1 &
engine=$!

for ((tries = 0; ; tries++)); do
  if docker version >/dev/null 2>&1; then break; fi
  if [ $tries -ge 150 ] || ! kill -0 $engine 2>/dev/null; then tail -20 "$run/log" >&2; exit 1; fi
  sleep 0.1
done

# The real version goes into the label: the tag says what the image stands in for, not what it holds.
build() {
  local context=$1 says=$2
  shift 2
  local tags=() tag
  for tag in "$@"; do tags+=(--tag "$tag"); done
  docker build --quiet --label "dev.lash.stand-in=$says $(<"$folder/$context/version") of Debian" \
    "${tags[@]}" "$folder/$context" >/dev/null
}
build base busybox lash-base:1 busybox:1 alpine:3
build postgres postgresql postgres:16-alpine
build redis redis redis:7-alpine
build mariadb mariadb mariadb:11
docker save lash-base:1 busybox:1 alpine:3 >"$folder/base.tar"
docker save lash-base:1 busybox:1 alpine:3 postgres:16-alpine redis:7-alpine mariadb:11 >"$folder/all.tar"
kill $engine
wait $engine || true
