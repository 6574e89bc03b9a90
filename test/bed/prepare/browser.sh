# Chromium, from the machine's own apt: its hundred packages have to fit the machine. Sourced by prepare.sh.

# What apt says stays in browser.log, for the tests that fail where there is no browser.
install_browser() {
  local started log=$cache/browser.log
  started=$(date +%s%N)
  export DEBIAN_FRONTEND=noninteractive
  install_chromium() { apt-get install -qq -y --no-install-recommends chromium >/dev/null 2>"$log"; }
  if [ $refresh = yes ]; then apt-get update -qq 2>"$log" || true; fi
  if ! { install_chromium || { apt-get update -qq 2>"$log" && install_chromium; }; } || [ ! -x "$chromium" ]; then
    [ -s "$log" ] || echo "apt-get installed the package chromium, and there is no $chromium" >"$log"
    echo "test bed: no browser, because the package chromium cannot be installed:" >&2
    cat "$log" >&2
    return 1
  fi
  rm -f "$log"
  echo "test bed: browser ready after $((($(date +%s%N) - started) / 1000000)) ms" >&2
}
