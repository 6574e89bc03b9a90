#!/usr/bin/env bash
# Runs a command in network, mount and process namespaces of its own: enter.sh CMD...
# Whatever the command starts (engines, containers, mounts, bridges, rules) ends with it, also when this script is
# killed. The exit code is the command's. Inside there is no network but loopback, and no engine of the machine.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: enter.sh CMD..." >&2; exit 2; }
if [ "$(id -u)" != 0 ] || ! command -v unshare >/dev/null || ! command -v setpriv >/dev/null; then
  echo "test bed: root, unshare and setpriv are needed. Run prepare.sh first; it says what else is missing." >&2
  exit 3
fi

started_at() { cut -d" " -f22 2>/dev/null <"/proc/$1/stat" || true; }

# Not in any namespace, so removed by name: the run's folder and its cgroup directories.
sweep() {
  local dir=$1
  find /sys/fs/cgroup -depth -type d -path "*/${dir##*/}*" -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$dir"
}

# What a killed run left. It is gone when no process has its number and start time.
for left in /tmp/lb-*/owner; do
  [ -f "$left" ] || continue
  read -r pid start <"$left" || continue
  if [ "$(started_at "$pid")" != "$start" ]; then sweep "${left%/owner}"; fi
done

dir=$(mktemp -d /tmp/lb-XXXXXX)
echo "$$ $(started_at $$)" >"$dir/owner"
export LASH_BED=1 LASH_BED_DIR=$dir

# Process 1 inside stays a shell: it adopts and reaps orphans. It hands signals on to the command.
# shellcheck disable=SC2016
inside='
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mount -t tmpfs tmpfs /dev/shm
# containerd makes /opt/containerd wherever its own folders are.
mkdir /run/opt /run/opt-work
mount -t overlay overlay -o lowerdir=/opt,upperdir=/run/opt,workdir=/run/opt-work /opt 2>/dev/null || true
env --default-signal=INT,QUIT,TERM -- "$@" <&0 &
child=$!
trap "kill -TERM $child" TERM
trap : INT
code=0
while kill -0 $child 2>/dev/null; do code=0; wait $child || code=$?; done
exit $code'

# A background job of a shell ignores SIGINT; env gives it back. pdeathsig ends everything when this script is killed.
env --default-signal=INT,QUIT,TERM setpriv --pdeathsig KILL \
  unshare --net --mount --pid --fork --kill-child=SIGKILL --mount-proc --propagation private \
  bash -c "$inside" lash-bed "$@" <&0 &
outer=$!

# unshare blocks SIGINT and SIGTERM while it waits, so the signal goes to process 1 of the namespace.
watchdog=
end_inside() {
  [ -z "$watchdog" ] || return 0
  local grace=$1 first
  (
    trap - INT TERM
    # After Ctrl-C the command has had the signal from the terminal already: give it a moment of its own.
    sleep "$grace"
    first=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$first" ] || kill -TERM $first 2>/dev/null || true
    sleep 10
    kill -KILL "$outer" 2>/dev/null || true
  ) >/dev/null 2>&1 &
  watchdog=$!
}
trap 'end_inside 0' TERM HUP
trap 'end_inside 2' INT

code=0
while kill -0 "$outer" 2>/dev/null; do
  code=0
  wait "$outer" || code=$?
done
if [ -n "$watchdog" ]; then
  # shellcheck disable=SC2046
  kill $(cat "/proc/$watchdog/task/$watchdog/children" 2>/dev/null) "$watchdog" 2>/dev/null || true
fi
sweep "$dir"
exit "$code"
