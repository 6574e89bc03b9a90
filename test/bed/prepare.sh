#!/usr/bin/env bash
# Fills the test bed's cache: engines, a registry and images, all from Debian packages; and installs a browser.
# Usage: prepare.sh [--refresh] [base] [engine28] [podman] [browser]      (default: all four)
# With a full cache it does nothing. --refresh looks for newer package versions.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${LASH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lash-test-bed}
suite=bookworm
chromium=/usr/bin/chromium

unsupported() {
  echo "test bed: $1" >&2
  exit 3
}

# One recipe per part: when it differs from what the cache was made with, the part is made again.
packages_engine20="docker.io containerd runc tini"
packages_registry="docker-registry"
packages_engine28="docker.io docker-cli docker-compose docker-buildx containerd"
packages_podman="podman conmon netavark aardvark-dns golang-github-containers-common \
golang-github-containers-image libgpgme11 libassuan0 libyajl2 libdevmapper1.02.1 libsubid4 catatonit runc"
recipe_engine20="2 $suite $packages_engine20"
recipe_registry="2 $suite $packages_registry"
recipe_engine28="2 sid $packages_engine28, $suite runc tini"
recipe_podman="2 $suite $packages_podman"
recipe_images="2 $suite $(cat "$here"/prepare/images.sh "$here"/prepare/build-images.sh "$here"/images/*/* | sha256sum)"

refresh=no
# The part whose failure costs only its own tests: they fail with the reason.
optional=
parts=()
for word in "$@"; do
  case $word in
    --refresh) refresh=yes ;;
    base) parts+=(engine20 registry images) ;;
    engine28 | podman | browser) parts+=("$word") ;;
    *) echo "usage: prepare.sh [--refresh] [base] [engine28] [podman] [browser]" >&2; exit 2 ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || { parts=(engine20 registry images engine28 podman browser); optional=browser; }

recipe_of() {
  local name=recipe_$1
  echo "${!name}"
}

is_full() {
  if [ "$1" = browser ]; then [ -x "$chromium" ]; return; fi
  [ -f "$cache/$1/.recipe" ] && [ "$(<"$cache/$1/.recipe")" = "$(recipe_of "$1")" ]
}

missing=()
for part in "${parts[@]}"; do
  if [ $refresh = yes ] || ! is_full "$part"; then missing+=("$part"); fi
done

[ "$(uname -s)" = Linux ] || unsupported "engines can only be started on Linux."
[ "$(id -u)" = 0 ] || unsupported "root is needed, because the engines run in namespaces of their own. Run this as root, or in a privileged container."
missing_tools=()
for tool in iptables ip unshare nsenter setpriv; do
  command -v "$tool" >/dev/null || missing_tools+=("$tool")
done
if [ ${#missing_tools[@]} -eq 0 ]; then
  unshare --net --mount --pid --fork true 2>/dev/null ||
    unsupported "unshare was refused: CAP_SYS_ADMIN and CAP_NET_ADMIN are needed. Run this as real root, or in a privileged container."
  [ ${#missing[@]} -gt 0 ] || exit 0
fi

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
  unsupported "apt-get and dpkg are needed, because everything comes from Debian packages. Use Debian 12, or a container with it."

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

if [ ${#missing_tools[@]} -gt 0 ]; then
  echo "test bed: installing the packages of ${missing_tools[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  install_tools() { apt-get install -qq -y --no-install-recommends iptables iproute2 util-linux >/dev/null 2>"$cache/install.log"; }
  install_tools || { apt-get update -qq && install_tools; } || { cat "$cache/install.log" >&2; exit 1; }
  unshare --net --mount --pid --fork true 2>/dev/null ||
    unsupported "unshare was refused: CAP_SYS_ADMIN and CAP_NET_ADMIN are needed. Run this as real root, or in a privileged container."
fi

# shellcheck source=prepare/apt.sh
. "$here/prepare/apt.sh"
# shellcheck source=prepare/engines.sh
. "$here/prepare/engines.sh"
# shellcheck source=prepare/images.sh
. "$here/prepare/images.sh"
# shellcheck source=prepare/browser.sh
. "$here/prepare/browser.sh"

work=$cache/tmp.$$
trap 'rm -rf --one-file-system "$work"' EXIT
# What a killed run left: we hold the lock, so nobody works in these.
rm -rf --one-file-system "$cache"/tmp.*
mkdir -p "$work"

for part in ${missing[@]+"${missing[@]}"}; do
  # Another process may have made it while this one waited for the lock.
  if [ $refresh = no ] && is_full "$part"; then continue; fi
  started=$(date +%s%N)
  if [ "$part" = browser ]; then
    install_browser || [ "$optional" = browser ] || exit 1
    continue
  fi
  mkdir -p "$work/$part/root" "$work/$part/debs"
  "make_$part" "$work/$part"
  publish "$part" "$work/$part"
  echo "test bed: $part ready after $((($(date +%s%N) - started) / 1000000)) ms" >&2
done
