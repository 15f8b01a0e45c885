#!/usr/bin/env bash
# Brings a real MySQL server for the tests: `FAIRLEAD_TEST_ENGINE=mysql make test`.
#
# Debian's stable releases have MariaDB only, so this takes MySQL from Debian's
# unstable suite, over the mirror and with the keys that this machine already
# uses. Nothing is installed on the system: the packages are unpacked, with the
# C library they were built for, into Fairlead's cache folder. Root is not
# needed. Does nothing if a working server is there already.
set -euo pipefail

suite=sid
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fairlead/mysql

die() {
	echo "get-mysql: $*" >&2
	exit 1
}

# first FILE... prints the first of its arguments that exists.
first() {
	for f in "$@"; do
		if [ -e "$f" ]; then
			echo "$f"
			return
		fi
	done
	return 1
}

# version TREE asks the server unpacked in TREE who it is.
version() {
	local loader
	loader=$(first "$1"/usr/lib64/ld-linux-*.so.* "$1"/usr/lib/ld-linux-*.so.*) || return 1
	"$loader" --library-path "$(echo "$1"/usr/lib/*-linux-gnu)" "$1/usr/sbin/mysqld" --no-defaults --version
}

# mirror prints the address of the first of this machine's sources that is
# Debian itself.
mirror() {
	# The variables are apt's, not the shell's.
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v codename="$1" '$1 ~ "^(" codename "|stable|testing|unstable|sid)$" && $2 == "main" { print $3; exit }'
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two runs at once would download twice
if found=$(version "$cache/root" 2>/dev/null); then
	echo "MySQL is here already: $found"
	exit 0
fi

# shellcheck disable=SC1091
id=$(. /etc/os-release 2>/dev/null && echo "${ID:-}") || true
if [ "$id" != debian ] || ! command -v apt-get >/dev/null; then
	die "this machine is not Debian; name a MySQL server that tests may use in FAIRLEAD_TEST_DSN, or let Docker run one"
fi
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
uri=$(mirror "$codename")
[ -n "$uri" ] || die "no Debian mirror among apt's sources"

work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

# An apt of our own: its lists, its cache, and a system on which nothing is
# installed, so that it fetches every library.
mkdir -p "$work"/{lists/partial,archives/partial,none,root}
: >"$work/status"
{
	echo "Types: deb"
	echo "URIs: $uri"
	echo "Suites: $suite"
	echo "Components: main"
	if keys=$(first /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}); then
		echo "Signed-By: $keys"
	fi
} >"$work/$suite.sources"
arch=$(dpkg --print-architecture)
cat >"$work/apt.conf" <<EOF
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::State::extended_states "$work/extended_states";
Dir::Cache "$work";
Dir::Cache::archives "$work/archives";
Dir::Etc::sourcelist "$work/$suite.sources";
Dir::Etc::sourceparts "$work/none";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$work/none";
APT::Architecture "$arch";
#clear APT::Architectures;
APT::Architectures "$arch";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
// The system's hooks are about the system's folders.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
own_apt() {
	apt-get -qq -c "$work/apt.conf" "$@"
}

echo "Unpacking MySQL from Debian $suite ($uri) into $cache; nothing is installed on the system."
own_apt update
own_apt --yes --download-only install mysql-server-core
for deb in "$work"/archives/*.deb; do
	case ${deb##*/} in
	perl* | libperl* | debconf* | libc-gconv* | tzdata*) ;; # for its scripts, which we do not run
	*) dpkg-deb --extract "$deb" "$work/root" ;;
	esac
done
rm -rf "$work"/root/usr/share/{doc,man,locale,lintian,bash-completion}

found=$(version "$work/root") || die "the server that was unpacked does not run"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
echo "MySQL is ready: $found"
