#!/bin/sh
# systemd_test.sh - the units of deploy/: right, tight, and the list's own
#
# systemd itself reads them; a program is then started by socket activation, in
# both ways that systemd has, under the units' system calls.
set -u
# shellcheck source=tests/deploy/kit.sh
. "$(dirname "$0")/kit.sh"
# shellcheck source=tests/deploy/life.sh
. "$top/tests/deploy/life.sh"
units="shop.socket shop.service shop-reap.service shop-reap.timer"
services="shop.service shop-reap.service"

# ---- what needs no systemd
for s in $services; do
	sed -n 's/^SystemCallFilter=//p' "$top/deploy/$s" | tr ' ' '\n' |
	    sort >"$dir/filter"
	names run start rare threads | sort | diff - "$dir/filter" >"$dir/out"
	told "$s: its filter is deploy/syscalls.txt" $?
	while read -r line; do
		grep -qxF "$line" "$top/deploy/$s" || echo "no $line"
	done >"$dir/out" <<-'X'
		CapabilityBoundingSet=
		LimitCORE=0
		MemoryDenyWriteExecute=yes
		NoNewPrivileges=yes
		PrivateTmp=yes
		ProtectSystem=strict
		RestrictAddressFamilies=none
		StateDirectory=shop/state
		StateDirectoryMode=0700
		SystemCallArchitectures=native
		UMask=0077
	X
	[ ! -s "$dir/out" ]
	told "$s: what securestate-sandbox(7) tells of it" $?
done

# ---- what systemd says
if command -v systemd-analyze >/dev/null; then
	mkdir "$dir/units"
	for u in $units; do
		# The programs are not installed here.
		sed 's|/usr/local/libexec/[a-z]*|/bin/true|' "$top/deploy/$u" \
		    >"$dir/units/$u"
	done
	for u in $units; do
		(cd "$dir/units" && systemd-analyze --man=no verify "./$u") \
		    >"$dir/out" 2>&1 && [ ! -s "$dir/out" ]
		told "$u: systemd finds nothing wrong" $?
	done
	sed -i 's/^NoNewPrivileges=yes/NoNewPrivilege=yes/' \
	    "$dir/units/shop.service"
	(cd "$dir/units" && systemd-analyze --man=no verify ./shop.service) \
	    >"$dir/out" 2>&1 && [ ! -s "$dir/out" ]
	[ $? != 0 ]
	told "and it would" $?
	for s in $services; do
		# In tenths; systemd calls all below 20 safe.
		systemd-analyze security --offline=true --no-pager \
		    --threshold=10 "$top/deploy/$s" >"$dir/out" 2>&1
		told "$s: exposure is at most 1.0" $?
	done
else
	skip "there is no systemd-analyze (systemd)"
fi

# ---- socket activation
if [ "$(uname -m)" != x86_64 ] || [ -n "${SANITIZE:-}" ]; then
	skip "the list is for x86_64, without sanitizers"
	done_testing
fi
for c in systemd-socket-activate cgi-fcgi; do
	if ! command -v $c >/dev/null; then
		skip "there is no $c"
		done_testing
	fi
done
manual && allow run start rare threads &&
    locked app "$top/examples/app.c" "$top/examples/page.c" &&
    $cc -std=c11 -D_GNU_SOURCE -I"$dir" -o "$dir/under" \
	"$top/tests/deploy/under.c" "$dir/man/securestate_sandbox_2.o" \
	>>"$dir/out" 2>&1
told "a program, and one that sets the filter" $?
[ $bad = 0 ] || done_testing

# activated OPTION...: a life with what systemd starts
activated() {
	rm -rf "$dir/sock" "$dir/state"
	mkdir -m 700 "$dir/state"
	systemd-socket-activate -l "$dir/sock" -E APP_PWHASH="$app_pwhash" \
	    -E STATE_DIRECTORY="$dir/state" "$@" "$dir/under" "$dir/app" \
	    >/dev/null 2>"$dir/err" </dev/null &
	listener=$!
	served=$listener # it becomes the program
	while kill -0 $listener 2>/dev/null && [ ! -S "$dir/sock" ]; do
		sleep 0.05
	done
	vars=
	run=
	was=
	with=
	program="cgi-fcgi -bind -connect $dir/sock"
}

for how in '' --inetd; do
	# shellcheck disable=SC2086 # none, or one
	activated $how
	life "activated, ${how:-descriptor 3}"
	unlisten
	told "activated, ${how:-descriptor 3}: it served to the end" $?
	[ -e "$dir/state/keyring" ]
	told "activated, ${how:-descriptor 3}: STATE_DIRECTORY was used" $?
done
done_testing
