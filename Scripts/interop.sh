#!/usr/bin/env bash
# Puts other people's programs, with which ours must get on or beside which they are measured, where tests and benchmarks
# find them. What cannot be had is done without: what needs it then says that it is skipped, and why.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=
for program in turnserver:coturn miniupnpd:miniupnpd ip:iproute2 nft:nftables curl:curl openssl:openssl \
  gnutls-cli:gnutls-bin update-ca-certificates:ca-certificates redis-server:redis-server redis-benchmark:redis-tools \
  tmux:tmux dash:dash nc:netcat-openbsd dnsmasq:dnsmasq-base sshd:openssh-server scp:openssh-client zsh:zsh fish:fish \
  mandoc:mandoc tshark:tshark; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${program%%:*}" >/dev/null 2>&1 || missing="$missing ${program#*:}"
done
python3 -c 'import jsonschema' 2>/dev/null || missing="$missing python3-jsonschema"
pkg-config --exists nice 2>/dev/null || missing="$missing libnice-dev"
if [ -n "$missing" ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for tests and benchmarks:$missing"
    # As in runlevel 1, no service is started: the tests start their own.
    # shellcheck disable=SC2086 # The names are words.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
      echo "could not install$missing: what needs them will be skipped" >&2
  else
    echo "not installed:$missing; what needs them will be skipped" >&2
  fi
fi

# Each has an environment of its own, which is there when the program is.
environment() { # folder, package, version, what is skipped without it
  "$1/bin/python" -c "import importlib.metadata as of, sys; sys.exit(of.version('$2') != '$3')" 2>/dev/null && return
  rm -rf "$1"
  python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "$2==$3" && return
  echo "$2 cannot be had here: $4 will be skipped" >&2
  rm -rf "$1"
}
environment .build/interop aioice 0.13.0 "its tests"
environment .build/interop-aioquic aioquic 1.7.2 "its tests"
environment .build/interop-iroh iroh 1.2.0 "measuring beside it"

# An agent of libnice's is a program of ours that uses it.
agent=.build/interop-libnice/nice_agent
if ! pkg-config --exists nice 2>/dev/null; then
  rm -f "$agent"
elif [ ! "$agent" -nt Tests/Interop/nice_agent.c ]; then
  mkdir -p "${agent%/*}"
  # shellcheck disable=SC2046 # The options are words.
  cc -std=gnu11 -Wall -Wextra -Werror -O1 -o "$agent" Tests/Interop/nice_agent.c $(pkg-config --cflags --libs nice) || {
    echo "the program that uses libnice cannot be built: its tests will be skipped" >&2
    rm -f "$agent"
  }
fi
