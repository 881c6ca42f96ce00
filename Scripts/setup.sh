#!/bin/sh
# Installs what Warren needs and this machine lacks, and says so; where it may not, says what to do.
set -eu

if ! command -v swift >/dev/null 2>&1; then
  echo "Warren needs Swift 6.2 or later, and there is no 'swift' on the PATH: see https://swift.org/install" >&2
  exit 1
fi

# The Debian packages, each with a test of whether what it brings is there.
missing=
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
command -v cc >/dev/null 2>&1 || missing="$missing gcc"
command -v python3 >/dev/null 2>&1 || missing="$missing python3"
python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
# It has no file for pkg-config.
echo '#include <http_parser.h>' | cc -E - >/dev/null 2>&1 || missing="$missing libhttp-parser-dev"
if command -v pkg-config >/dev/null 2>&1; then
  pkg-config --exists 'libuv >= 1.44' || missing="$missing libuv1-dev"
  pkg-config --exists 'gnutls >= 3.7' || missing="$missing libgnutls28-dev"
  pkg-config --exists 'miniupnpc >= 2.0' || missing="$missing libminiupnpc-dev"
  pkg-config --exists libedit || missing="$missing libedit-dev"
  pkg-config --exists libngtcp2 || missing="$missing libngtcp2-dev"
  pkg-config --exists libngtcp2_crypto_gnutls || missing="$missing libngtcp2-crypto-gnutls-dev"
else
  missing="$missing libuv1-dev libgnutls28-dev libminiupnpc-dev libedit-dev libngtcp2-dev libngtcp2-crypto-gnutls-dev"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Warren needs these Debian packages, or their like on this system:$missing" >&2
  echo "(with Homebrew: brew install libuv gnutls miniupnpc libedit libngtcp2 http-parser pkg-config)" >&2
  exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Warren needs Debian packages that are not installed. As root, run:" >&2
    echo "  apt-get update && apt-get install -y$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

echo "Installing what is missing:$missing"
# shellcheck disable=SC2086 # The names are words, and sudo may be none.
if ! $as_root apt-get install -y -qq $missing >/dev/null 2>&1; then
  $as_root apt-get update -qq
  $as_root apt-get install -y -qq $missing
fi
