#!/bin/sh
# sessions_test.sh - securestate list, revoke, reap and migrate
# shellcheck source=/dev/null # it sets tool, dir, build, top
. "$(dirname "$0")/kit.sh"
build_visit
ring=$dir/ring
# Nothing goes in passing, so that what is left can be counted.
old="file:$dir/old?sync=none&reap=0"
new="file:$dir/new?sync=none&reap=0"

# made AGO USER URI...: a new session; its token in $token
made() {
	ago=$1
	user=$2
	shift 2
	visit "$ring" "$ago" "$user" - "$@"
	token=$(cut -d' ' -f1 "$dir/out")
}

# ---- Reap ---------------------------------------------------------------

# The first by the clock that is behind: a store never goes back (R-23).
i=0
while [ $i -lt 5 ]; do
	made 1000000 - "$old"
	i=$((i + 1))
done
made 0 - "$old"
live=$token
does "reap" "$tool" reap "$old"
says '^5 removed$' "R-32 five had expired"
visit "$ring" 0 - "$live" "$old"
says ' 2$' "the sixth lives"
does "the library's default" env SECURESTATE_STORES="$old" "$tool" reap
says '^0 removed$' "nothing is left to reap"

# ---- List and revoke ----------------------------------------------------

made 0 ann "$old"
ann=$token
made 0 bob "$old"
bob=$token
does "list" "$tool" list "$old"
test "$(grep -cE '^[0-9a-f]{16}( 20[0-9T:Z-]+){3} [0-9]+$' "$dir/out")" = 3
told "three sessions, a line each" $?
does "list a user" "$tool" list --user ann --keyring "$ring" "$old"
test "$(wc -l <"$dir/out")" = 1
told "R-27 she has one" $?
handle=$(cut -d' ' -f1 "$dir/out")
is 1 "another handle" "$tool" revoke --handle 0123456789abcdef "$old"
line "another handle"
does "revoke by handle" "$tool" revoke --handle "$handle" "$old"
says '^1 ended$' "it says so"
visit "$ring" 0 - "$ann" "$old"
says gone "R-26 it is ended"
does "revoke a user" "$tool" revoke --user=bob --keyring "$ring" "$old"
says '^1 ended$' "it says so"
visit "$ring" 0 - "$bob" "$old"
says gone "R-27 his is, too"

# ---- Migrate ------------------------------------------------------------

i=0
: >"$dir/tokens"
while [ $i -lt 40 ]; do
	made 0 - "$old"
	echo "$token" >>"$dir/tokens"
	i=$((i + 1))
done
moved=$(sed -n 1p "$dir/tokens")
ended=$(sed -n 2p "$dir/tokens")
visit "$ring" 0 - "$moved" "$new" "$old&readonly=1"
says ' 2$' "a session moves by itself"
visit "$ring" 0 end "$ended" "$new" "$old&readonly=1"
says ended "another one is ended"
(
	while [ ! -e "$dir/stop" ]; do
		"$dir/visit" "$ring" 0 - "$moved" "$new" "$old&readonly=1"
	done
) >"$dir/visits" 2>&1 &
visitor=$!
does "migrate while requests go on" "$tool" migrate "$old" "$new"
says '^39 copied, 2 there already, 0 expired$' "what had not moved was copied"
: >"$dir/stop"
wait "$visitor"
! grep -v '^[^ ]* [0-9]*$' "$dir/visits" >"$dir/out"
told "no request failed" $?
does "migrate again" "$tool" migrate "$old" "$new"
says '^0 copied, 41 there already' "nothing twice"
rm -rf "$dir/old"
visit "$ring" 0 - "$ended" "$new"
says 'gone\|not authentic' "R-26 what was ended does not come back"
count=$(($(grep -c . "$dir/visits") + 3))
visit "$ring" 0 - "$moved" "$new"
says " $count\$" "what had moved was not overwritten"
wrong=0
for token in $(sed -n '3,$p' "$dir/tokens"); do
	visit "$ring" 0 - "$token" "$new"
	grep -q ' 2$' "$dir/out" || wrong=$((wrong + 1))
done
test $wrong = 0
told "each of the others goes on in the new store ($wrong do not)" $?
is 1 "no store to copy from" "$tool" migrate "file:$dir/none" "$new"
line "no store to copy from"
finish
