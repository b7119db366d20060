#!/bin/bash
# getprometheus.sh [DIR]: unpacks Debian's prometheus and promtool into DIR, prometheus in the cache folder by default. The package isn't
# installed, because that would start a service. Done already: nothing to do, no network.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
dir=${1:-$cache/prometheus}; mkdir -p "$dir"; dir=$(realpath "$dir")
[[ ! -x $dir/promtool ]] || exit 0
new=$(mktemp -d); trap 'rm -rf "$new"' EXIT
chmod 755 "$new"; cd "$new"
apt-get -qq download prometheus 2>"$new/log" || { apt-get -qq update && apt-get -qq download prometheus; }
dpkg -x prometheus_*.deb .
mv usr/bin/prometheus "$dir/prometheus"
mv usr/bin/promtool "$dir/promtool"
