#!/bin/sh
# Install Debian packages as root or through sudo, or say clearly what is missing. On Debian mosquitto starts a service
# of its own after installation; the tests use neither it nor its port.
set -eu
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null; then
  as_root="sudo"
else
  echo "Missing: $*. Install it as root: apt-get install $*" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "Missing: $*. This is not Debian: install it with your package manager." >&2
  exit 1
fi
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
