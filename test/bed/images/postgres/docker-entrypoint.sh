#!/bin/sh
# The official image's contract in busybox sh: initialise an empty PGDATA with a server on the socket only, run
# /docker-entrypoint-initdb.d, stop that server, start the real one as process 1.
set -eu

# NAME or NAME_FILE, as in the official images.
from_file() {
  eval "value=\${$1:-}; file=\${$1_FILE:-}"
  if [ -n "$value" ] && [ -n "$file" ]; then
    echo "error: both $1 and $1_FILE are set (but are exclusive)" >&2
    exit 1
  fi
  if [ -n "$file" ]; then value=$(cat "$file"); fi
  if [ -z "$value" ]; then value=${2:-}; fi
  export "$1=$value"
  unset "$1_FILE"
}

run_sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
}

initialise() {
  if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "Error: Database is uninitialized and superuser password is not specified." >&2
    echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser." >&2
    exit 1
  fi
  password_file=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
  set -- --username="$POSTGRES_USER" --encoding=UTF8 --locale=C.UTF-8 --no-sync
  [ -z "$POSTGRES_PASSWORD" ] || set -- "$@" --pwfile="$password_file"
  if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then set -- "$@" --waldir="$POSTGRES_INITDB_WALDIR"; fi
  eval "initdb \"\$@\" --pgdata=\"\$PGDATA\" ${POSTGRES_INITDB_ARGS:-}"
  rm -f "$password_file"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"

  export PGPASSWORD="$POSTGRES_PASSWORD"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
  if [ "$POSTGRES_DB" != postgres ]; then
    echo 'CREATE DATABASE :"db";' |
      psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres -v db="$POSTGRES_DB"
  fi
  for script in /docker-entrypoint-initdb.d/*; do
    case $script in
      *.sh)
        if [ -x "$script" ]; then echo "$0: running $script"; "$script"; else echo "$0: sourcing $script"; . "$script"; fi ;;
      *.sql) echo "$0: running $script"; run_sql -f "$script" ;;
      *.sql.gz) echo "$0: running $script"; gunzip -c "$script" | run_sql ;;
      *.sql.xz) echo "$0: running $script"; xzcat "$script" | run_sql ;;
      /docker-entrypoint-initdb.d/'*') ;;
      *) echo "$0: ignoring $script" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

case ${1:-} in -*) set -- postgres "$@" ;; esac

if [ "${1:-}" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    chown postgres:postgres "$PGDATA" /run/postgresql
    find "$PGDATA" ! -user postgres -exec chown postgres {} +
    exec su -s /bin/sh postgres -c 'exec "$0" "$@"' -- "$0" "$@"
  fi
  from_file POSTGRES_PASSWORD
  from_file POSTGRES_USER postgres
  from_file POSTGRES_DB "$POSTGRES_USER"
  from_file POSTGRES_INITDB_ARGS
  if [ -s "$PGDATA/PG_VERSION" ]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    initialise
  fi
fi
exec "$@"
