#!/usr/bin/env bash
# Debian packages that only tests need: a real browser for the page. Without root it says so and goes
# on; the tests that need the browser then skip with a reason, except in CI, where they must run.
set -euo pipefail
if command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
  echo "chromium is not installed; browser tests will be skipped" >&2
  [ "${CI:-}" != "true" ]
fi
