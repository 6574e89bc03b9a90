# Stand-in images without a registry: the whole package closure is unpacked into a staging tree, what runs is copied
# from there, and an engine 20.10 in a namespace of its own builds and saves the images. Sourced by prepare.sh.

# Not needed to run the servers, and large.
unpack_not='^(libllvm|libz3-4|perl|galera-|coreutils$|debconf$|dpkg$|systemd$|ssl-cert$|rsync$|lsof$)'
arch_lib=lib/$(uname -m)-linux-gnu

make_images() {
  local folder=$1 stage=$1/stage
  is_full engine20 || { echo "test bed: the images need the part engine20" >&2; exit 1; }
  use_suite $suite
  apt_in $suite install -y --download-only --no-install-recommends \
    postgresql-15 redis-server mariadb-server busybox-static tzdata coreutils >/dev/null
  mv "$work/apt-$suite"/cache/archives/*.deb "$folder/debs"

  mkdir -p "$stage"
  local deb
  for deb in "$folder"/debs/*.deb; do
    if ! [[ ${deb##*/} =~ ${unpack_not} ]] || [[ ${deb##*/} = coreutils_* ]]; then echo "$deb"; fi
  done | xargs -P "$(nproc)" -I{} dpkg -x {} "$stage"

  stage_base "$stage" "$folder/base"
  stage_postgres "$stage" "$folder/postgres"
  stage_redis "$stage" "$folder/redis"
  stage_mariadb "$stage" "$folder/mariadb"
  rm -rf "$stage"

  LASH_TEST_CACHE=$cache "$here/enter.sh" bash "$here/prepare/build-images.sh" "$folder"
  rm -rf "$folder"/{root,base,postgres,redis,mariadb}
}

# The libraries of a program, resolved in the staging tree and nowhere else.
libraries_of() {
  local stage=$1 program=$2 out
  # Without --inhibit-cache the loader silently takes the machine's libraries.
  out=$("$stage/$arch_lib"/ld-linux-x86-64.so.2 --inhibit-cache \
    --library-path "$stage/usr/$arch_lib:$stage/$arch_lib:$stage/usr/lib/mysql" --list "$stage/$program")
  if grep -q 'not found' <<<"$out"; then echo "test bed: $program lacks libraries: $out" >&2; return 1; fi
  sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' <<<"$out" | while read -r path; do
    case $path in
      "$stage"/*) echo "${path#"$stage"/}" ;;
      *) echo "test bed: $program would take $path from this machine" >&2; exit 1 ;;
    esac
  done
}

# copy STAGE ROOT PATHS...: files and folders to the same place.
copy() {
  local stage=$1 root=$2 path
  shift 2
  for path in "$@"; do
    mkdir -p "$root/$(dirname "$path")"
    cp -a "$stage/$path" "$root/$(dirname "$path")/"
  done
}

# copy_program STAGE ROOT PROGRAMS...: programs with those libraries that the base image lacks.
copy_program() {
  local stage=$1 root=$2 program library listed
  shift 2
  for program in "$@"; do
    mkdir -p "$root/$(dirname "$program")"
    cp -aL "$stage/$program" "$root/$program"
    listed=$(libraries_of "$stage" "$program")
    for library in $listed; do
      [ ! -e "$root/$library" ] && [ ! -e "$stage/../base/root/$library" ] || continue
      mkdir -p "$root/$(dirname "$library")"
      cp -aL "$stage/$library" "$root/$library"
    done
  done
}

version_in() { dpkg-deb -f "$1"/debs/"$2"_*.deb Version | sed 's/^[0-9]*://; s/-.*//'; }

stage_base() {
  local stage=$1 folder=$2 root=$2/root applet
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/local/bin,lib64,tmp,proc,sys,dev,run,root,etc,home,var/log,var/tmp,www}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  ln -s ../run "$root/var/run"
  cp -a "$here/images/base/." "$folder/"
  cp -aL "$stage/bin/busybox" "$root/bin/busybox"
  for applet in $("$root/bin/busybox" --list-full); do
    applet=${applet#/}
    [ -e "$root/$applet" ] || { mkdir -p "$root/$(dirname "$applet")"; ln -s /bin/busybox "$root/$applet"; }
  done
  mkdir -p "$root/$arch_lib" "$root/usr/lib/locale"
  cp -aL "$stage/$arch_lib"/{ld-linux-x86-64.so.2,libc.so.6,libm.so.6,libdl.so.2,libpthread.so.0,librt.so.1,libresolv.so.2,libnss_files.so.2,libnss_dns.so.2,libcrypt.so.1,libgcc_s.so.1,libz.so.1} "$root/$arch_lib/" 2>/dev/null || true
  [ -e "$root/$arch_lib/libc.so.6" ]
  ln -s "/$arch_lib/ld-linux-x86-64.so.2" "$root/lib64/ld-linux-x86-64.so.2"
  cp -aL "$stage/usr/lib/locale/C.utf8" "$root/usr/lib/locale/"
  # busybox date has no %N; the one of coreutils tells milliseconds.
  rm -f "$root/bin/date"
  copy_program "$stage" "$root" bin/date
  version_in "$folder/.." busybox-static >"$folder/version"
}

stage_postgres() {
  local stage=$1 folder=$2 root=$2/root bin=usr/lib/postgresql/15/bin name
  mkdir -p "$root/usr/local/bin" "$root/docker-entrypoint-initdb.d" "$root/usr/lib/postgresql/15/lib"
  copy_program "$stage" "$root" $bin/{postgres,initdb,pg_ctl,psql,pg_isready,createdb,dropdb,createuser,pg_dump,pg_restore,pg_basebackup}
  for name in "$stage"/usr/lib/postgresql/15/lib/*.so; do
    [[ $name = *llvmjit* ]] || copy_program "$stage" "$root" "${name#"$stage"/}"
  done
  copy "$stage" "$root" usr/share/postgresql/15 usr/share/zoneinfo
  rm -rf "$root"/usr/share/postgresql/15/man "$root"/usr/share/zoneinfo/{right,posix}
  for name in "$root/$bin"/*; do ln -s "/$bin/${name##*/}" "$root/usr/local/bin/"; done
  sed -i "s/^#listen_addresses = 'localhost'/listen_addresses = '*'/" "$root/usr/share/postgresql/15/postgresql.conf.sample"
  grep -q "^listen_addresses = '\*'" "$root/usr/share/postgresql/15/postgresql.conf.sample"
  cp -a "$here/images/postgres/." "$folder/"
  version_in "$folder/.." postgresql-15 >"$folder/version"
}

stage_redis() {
  local stage=$1 folder=$2 root=$2/root
  mkdir -p "$root/usr/local/bin"
  # In the package, redis-server is a link to redis-check-rdb; copy_program follows it.
  copy_program "$stage" "$root" usr/bin/{redis-server,redis-cli}
  ln -s /usr/bin/redis-{server,cli} "$root/usr/local/bin/"
  cp -a "$here/images/redis/." "$folder/"
  version_in "$folder/.." redis-server >"$folder/version"
}

stage_mariadb() {
  local stage=$1 folder=$2 root=$2/root name
  mkdir -p "$root/usr/local/bin" "$root/docker-entrypoint-initdb.d"
  copy_program "$stage" "$root" usr/sbin/mariadbd usr/bin/{mariadb,mariadb-admin,mariadb-dump}
  copy "$stage" "$root" usr/share/mysql/{english,charsets}
  cp "$stage"/usr/share/mysql/*.sql "$root/usr/share/mysql/"
  ln -s /usr/bin/mariadb "$root/usr/bin/mysql"
  ln -s /usr/bin/mariadb-admin "$root/usr/bin/mysqladmin"
  ln -s /usr/bin/mariadb-dump "$root/usr/bin/mysqldump"
  ln -s /usr/sbin/mariadbd "$root/usr/sbin/mysqld"
  cp -a "$here/images/mariadb/." "$folder/"
  version_in "$folder/.." mariadb-server >"$folder/version"
}
