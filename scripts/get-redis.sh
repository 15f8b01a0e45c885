#!/usr/bin/env bash
# Brings a Redis server for the tests that need one. Does nothing if there is one.
#
# Debian's package would start a server of its own, so nothing is installed on
# the system: the packages are unpacked, with the libraries that are missing
# here, into Fairlead's cache folder. Root is not needed, unless apt does not
# know of any packages yet.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fairlead/redis

# Without Redis its tests are left out; with CI set that is a failure.
die() {
	echo "get-redis: $*" >&2
	[ -z "${CI:-}" ] || exit 1
	echo "get-redis: the tests that need Redis will be left out (they look for redis-server in PATH)" >&2
	exit 0
}

# version TREE asks the server unpacked in TREE who it is.
version() {
	LD_LIBRARY_PATH=$(echo "$1"/usr/lib/*-linux-gnu*) "$1/usr/bin/redis-server" --version
}

# missing prints the packages that a system like this one would need for Redis.
missing() {
	apt-get --simulate --no-install-recommends install redis-server | awk '$1 == "Inst" { print $2 }'
}

if command -v redis-server >/dev/null; then
	exit 0
fi
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two runs at once would download twice
if version "$cache/root" >/dev/null 2>&1; then
	exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	die "there is no redis-server and this is not Debian or Ubuntu; install Redis 6.2 or later"
fi

work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

if ! packages=$(missing 2>"$work/said"); then
	if [ "$(id -u)" != 0 ]; then
		cat "$work/said" >&2
		die "apt knows no redis-server; run as root: apt-get update"
	fi
	apt-get -qq update || die "apt cannot bring its lists up to date"
	packages=$(missing) || die "apt knows no redis-server"
fi
echo "Unpacking Redis into $cache; nothing is installed on the system, and nothing started."
chmod 755 "$work" # apt downloads as another user if it can
mkdir "$work/root"
# Each word is a package.
# shellcheck disable=SC2086
(cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download $packages) || die "the packages could not be downloaded; as root: apt-get update"
for deb in "$work"/*.deb; do
	dpkg-deb --extract "$deb" "$work/root"
done
found=$(version "$work/root") || die "the server that was unpacked does not run"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
echo "Redis is ready: $found"
