#!/bin/sh
# As the official image: options or a *.conf file alone are for redis-server, which runs without root.
set -eu
case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "${1:-}" = redis-server ]; then
  # The official build has protected mode off; this one is Debian's.
  case " $* " in *" --protected-mode "*) ;; *) set -- "$@" --protected-mode no ;; esac
  if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec su -s /bin/sh redis -c 'exec "$0" "$@"' -- "$@"
  fi
fi
exec "$@"
