# Engines and registry: packages unpacked, and a folder "bin" of links to put first in PATH. Sourced by prepare.sh.

make_engine20() {
  # shellcheck disable=SC2086
  fetch $suite "$1" $packages_engine20
  unpack "$1"
  mkdir "$1/bin"
  ln -s ../root/usr/sbin/{dockerd,docker-proxy,runc} "$1/bin"
  ln -s ../root/usr/bin/{docker,docker-init,containerd,containerd-shim-runc-v2,tini} "$1/bin"
  check_links "$1/bin"
}

make_registry() {
  # shellcheck disable=SC2086
  fetch $suite "$1" $packages_registry
  unpack "$1"
  mkdir "$1/bin"
  ln -s ../root/usr/bin/docker-registry "$1/bin"
  check_links "$1/bin"
}

make_engine28() {
  # shellcheck disable=SC2086
  fetch sid "$1" $packages_engine28
  unpack "$1"
  # runc of sid wants a newer C library than bookworm has; the one of bookworm works with this containerd.
  mkdir -p "$1/$suite/debs" "$1/$suite/root"
  fetch $suite "$1/$suite" runc tini
  unpack "$1/$suite"
  mv "$1/$suite"/debs/*.deb "$1/debs"
  mkdir -p "$1/bin" "$1/cli-plugins"
  ln -s ../root/usr/sbin/{dockerd,docker-proxy} ../$suite/root/usr/sbin/runc "$1/bin"
  ln -s ../root/usr/bin/{docker,containerd,containerd-shim-runc-v2} "$1/bin"
  ln -s ../$suite/root/usr/bin/tini-static "$1/bin/docker-init"
  ln -s ../root/usr/libexec/docker/cli-plugins/{docker-compose,docker-buildx} "$1/cli-plugins"
  check_links "$1/bin" "$1/cli-plugins"
}

make_podman() {
  # shellcheck disable=SC2086
  fetch $suite "$1" $packages_podman
  unpack "$1"
  # The machine has /lib as a link to /usr/lib; the overlay is made over /usr only.
  if [ -d "$1/root/lib" ] && [ ! -L "$1/root/lib" ]; then
    cp -a "$1/root/lib/." "$1/root/usr/lib/"
    rm -rf "$1/root/lib"
  fi
}

check_links() {
  local broken
  broken=$(find "$@" -xtype l)
  [ -z "$broken" ] || { echo "test bed: packages lack $broken" >&2; exit 1; }
}
