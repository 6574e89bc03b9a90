#!/bin/sh
# The official image's contract in busybox sh: bootstrap an empty data folder, run /docker-entrypoint-initdb.d against
# a server on the socket only, then start the real server as process 1. MARIADB_* and MYSQL_* are both read.
set -eu
data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock
share=/usr/share/mysql

# setting NAME: MARIADB_NAME, MYSQL_NAME or either with _FILE.
setting() {
  eval "value=\${MARIADB_$1:-\${MYSQL_$1:-}}; file=\${MARIADB_$1_FILE:-\${MYSQL_$1_FILE:-}}"
  if [ -z "$value" ] && [ -n "$file" ]; then value=$(cat "$file"); fi
  printf %s "$value"
}

quote() { printf "'%s'" "$(printf %s "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }
quote_name() { printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"; }

# One statement per line: bootstrap splits at line ends.
bootstrap_sql() {
  echo 'create database if not exists mysql;'
  echo 'use mysql;'
  cat $share/mysql_system_tables.sql $share/mysql_performance_tables.sql
  # As mysql_install_db does: no accounts for a host name that the next container will not have.
  grep -v @current_hostname $share/mysql_system_tables_data.sql
  cat $share/fill_help_tables.sql $share/maria_add_gis_sp_bootstrap.sql $share/mysql_sys_schema.sql
  echo 'use mysql;'
  echo 'flush privileges;'
  echo "alter user root@localhost identified by $(quote "$root_password");"
  if [ "${root_host:=%}" != localhost ]; then
    echo "create user root@$(quote "$root_host") identified by $(quote "$root_password");"
    echo "grant all on *.* to root@$(quote "$root_host") with grant option;"
  fi
  if [ -n "$database" ]; then echo "create database if not exists $(quote_name "$database");"; fi
  if [ -n "$user" ] && [ -n "$password" ]; then
    echo "create user $(quote "$user")@'%' identified by $(quote "$password");"
    if [ -n "$database" ]; then
      echo "grant all on $(quote_name "$(printf %s "$database" | sed 's/_/\\_/g')").* to $(quote "$user")@'%';"
    fi
  fi
}

run_sql() { MYSQL_PWD=$root_password mariadb --socket=$socket -uroot ${database:+"$database"}; }

run_init_folder() {
  if [ -z "$(ls /docker-entrypoint-initdb.d)" ]; then return 0; fi
  mariadbd --skip-networking --user=mysql --socket=$socket &
  server=$!
  tries=0
  until MYSQL_PWD=$root_password mariadb-admin --socket=$socket -uroot ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -ge 300 ] || ! kill -0 $server; then echo "[ERROR] [Entrypoint]: Unable to start server." >&2; exit 1; fi
    sleep 0.1
  done
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
      *.sql) run_sql <"$script" ;;
      *.sql.gz) gunzip -c "$script" | run_sql ;;
      *.sql.xz) xzcat "$script" | run_sql ;;
      *) echo "[Note] [Entrypoint]: $0: ignoring $script" ;;
    esac
  done
  MYSQL_PWD=$root_password mariadb-admin --socket=$socket -uroot shutdown
  wait $server
}

case ${1:-} in -*) set -- mariadbd "$@" ;; esac
if [ "${1:-}" = mysqld ]; then shift; set -- mariadbd "$@"; fi

if [ "${1:-}" = mariadbd ]; then
  mkdir -p $data /run/mysqld
  chown mysql:mysql /run/mysqld
  find $data ! -user mysql -exec chown mysql:mysql {} +
  if [ ! -d $data/mysql ]; then
    root_password=$(setting ROOT_PASSWORD)
    root_host=$(setting ROOT_HOST)
    database=$(setting DATABASE)
    user=$(setting USER)
    password=$(setting PASSWORD)
    if [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
      root_password=$(head -c 24 /dev/urandom | base64)
      echo "[Note] [Entrypoint]: GENERATED ROOT PASSWORD: $root_password"
    fi
    if [ -z "$root_password" ] && [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ]; then
      echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2
      echo "        You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD" >&2
      exit 1
    fi
    bootstrap_sql | mariadbd --no-defaults --bootstrap --user=mysql --datadir=$data --log-warnings=0
    run_init_folder
    echo "[Note] [Entrypoint]: MariaDB init process done. Ready for start up."
  fi
  set -- "$@" --user=mysql --socket=$socket
fi
exec "$@"
