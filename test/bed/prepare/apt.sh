# Fetching and unpacking Debian packages without touching the machine's own apt state. Sourced by prepare.sh.

# The mirror comes from the machine's configuration, or from LASH_TEST_MIRROR on a machine that is not Debian.
debian_mirror() {
  if [ -n "${LASH_TEST_MIRROR:-}" ]; then echo "$LASH_TEST_MIRROR"; return; fi
  local id
  id=$(. /etc/os-release && echo "$ID")
  [ "$id" = debian ] ||
    unsupported "this machine is \"$id\", not Debian. Set LASH_TEST_MIRROR to a Debian mirror (and install debian-archive-keyring), or use a Debian 12 container."
  local mirror
  mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
  [ -n "$mirror" ] || mirror=$(sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
  [ -n "$mirror" ] || unsupported "no Debian mirror found in the apt configuration. Set LASH_TEST_MIRROR."
  echo "$mirror"
}

# apt_in SUITE ARGS...: apt-get with lists, cache and an empty package status of its own below the work folder.
# The empty status makes a package closure independent of what the machine has installed.
apt_in() {
  local state=$work/apt-$1
  shift
  apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Acquire::Retries=3 "$@"
}

use_suite() {
  local state=$work/apt-$1
  [ ! -f "$state/status" ] || return 0
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(debian_mirror)
  [ -f $keyring ] || unsupported "the package debian-archive-keyring is needed to verify Debian's packages."
  echo "deb [signed-by=$keyring target=Packages lang=none] $mirror $1 main" >"$state/sources.list"
  apt_in "$1" update
  : >"$state/status"
}

# fetch SUITE FOLDER PACKAGES...: downloads these packages, without what they depend on, into FOLDER/debs.
fetch() {
  local suite=$1 folder=$2
  shift 2
  use_suite "$suite"
  (cd "$folder/debs" && apt_in "$suite" download "$@")
}

unpack() {
  local folder=$1 deb
  for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
}

# publish PART FOLDER: moves FOLDER into the cache under a name that holds the package versions.
publish() {
  local part=$1 folder=$2 key deb old
  for deb in "$folder"/debs/*.deb; do dpkg-deb -W --showformat '${Package} ${Version}\n' "$deb"; done | sort >"$folder/packages"
  rm -rf "$folder/debs"
  recipe_of "$part" >"$folder/.recipe"
  key=$(cat "$folder/packages" "$folder/.recipe" | sha256sum | cut -c1-12)
  if [ ! -d "$cache/$part-$key" ]; then mv "$folder" "$cache/$part-$key"; fi
  ln -sfn "$part-$key" "$cache/$part.new.$$"
  mv -T "$cache/$part.new.$$" "$cache/$part"
  # Older versions go when nobody can still be running on them.
  for old in "$cache/$part"-*; do
    if [ "$old" != "$cache/$part-$key" ] && [ -n "$(find "$old" -maxdepth 0 -mmin +1440)" ]; then
      rm -rf --one-file-system "$old"
    fi
  done
}
