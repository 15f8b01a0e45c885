#!/bin/sh
# Brings the programs with which some fault tests make networks and file systems
# of their own. Does nothing if they are there. Without root these tests cannot
# run anyway, and say so; with CI set they fail.
set -eu

missing=
for tool in ip unshare nsenter mount umount; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "get-fault-tools:$missing not found; the tests that need them will be left out (install iproute2, util-linux and mount)" >&2
	[ -z "${CI:-}" ] || exit 1
	exit 0
fi
echo "Installing iproute2, util-linux and mount, for fault tests:$missing not found."
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install iproute2 util-linux mount
