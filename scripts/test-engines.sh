#!/usr/bin/env bash
# Asks every engine that can be had here what Fairlead believes of named locks
# (the tests named TestContract, of package lock), and says at the end which
# engines were asked, and which were not and why.
#
#   FAIRLEAD_TEST_DSN           a server, whatever it is
#   FAIRLEAD_TEST_MARIADB_DSN   else a private one, as `make localdb` brings it
#   FAIRLEAD_TEST_MYSQL_DSN     else a private one, as scripts/get-mysql.sh brings it, or a container
#   FAIRLEAD_TEST_TIDB_DSN      without it, TiDB is not asked
#
# Ends with an error if an engine answers otherwise than it should, if none
# could be asked, and in CI (CI=true) also if MariaDB could not.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

given=${FAIRLEAD_TEST_DSN:-}
unset FAIRLEAD_TEST_DSN FAIRLEAD_TEST_IMAGE FAIRLEAD_TEST_ENGINE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
summary=$work/summary
status=0
asked=0

# say NAME WHAT... adds a line to the summary.
say() {
	name=$1
	shift
	printf '  %-8s  %s\n' "$name" "$*" >>"$summary"
}

# ask NAME [VARIABLE=VALUE...] runs the tests on an engine.
ask() {
	local name=$1 log=$work/log began=$SECONDS server
	shift
	echo "asking $name"
	asked=$((asked + 1))
	if env "$@" "${GO:-go}" test -count 1 -v -timeout 5m -parallel 8 -run '^TestContract' ./lock >"$log" 2>&1; then
		server=$(sed -n 's/.*engine: //p' "$log")
		say "$name" "$server: $(grep -c '^    --- PASS' "$log") answers as they should be, $((SECONDS - began)) s"
		return
	fi
	status=1
	grep -v -e '^=== ' -e '^ *--- PASS' "$log"
	server=$(sed -n 's/.*engine: //p' "$log")
	say "$name" "${server:-no server}: FAILED, $(grep -c '^    --- FAIL' "$log") answers are not as they should be; see above"
}

# because FILE is the last thing that a command said.
because() { tail -n 1 "$1"; }

[ -z "$given" ] || ask given FAIRLEAD_TEST_DSN="$given"

if [ -n "${FAIRLEAD_TEST_MARIADB_DSN:-}" ]; then
	ask mariadb FAIRLEAD_TEST_ENGINE=mariadb FAIRLEAD_TEST_DSN="$FAIRLEAD_TEST_MARIADB_DSN"
elif "${MAKE:-make}" --no-print-directory localdb >"$work/get" 2>&1 || docker info >/dev/null 2>&1; then
	ask mariadb FAIRLEAD_TEST_ENGINE=mariadb
else
	say mariadb "not asked: $(because "$work/get")"
	[ "${CI:-}" != true ] || status=1
fi

if [ -n "${FAIRLEAD_TEST_MYSQL_DSN:-}" ]; then
	ask mysql FAIRLEAD_TEST_ENGINE=mysql FAIRLEAD_TEST_DSN="$FAIRLEAD_TEST_MYSQL_DSN"
elif timeout 240 scripts/get-mysql.sh >"$work/get" 2>&1 || docker info >/dev/null 2>&1; then
	ask mysql FAIRLEAD_TEST_ENGINE=mysql
else
	say mysql "not asked, since FAIRLEAD_TEST_MYSQL_DSN is not set, there is no Docker, and: $(because "$work/get")"
fi

if [ -n "${FAIRLEAD_TEST_TIDB_DSN:-}" ]; then
	ask tidb FAIRLEAD_TEST_ENGINE=tidb FAIRLEAD_TEST_DSN="$FAIRLEAD_TEST_TIDB_DSN"
else
	say tidb "not asked: FAIRLEAD_TEST_TIDB_DSN is not set (CONTRIBUTING.md says how to get one)"
fi

echo "engines:"
cat "$summary"
if [ "$asked" = 0 ]; then
	echo "no engine could be asked"
	exit 1
fi
exit "$status"
