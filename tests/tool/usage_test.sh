#!/bin/sh
# usage_test.sh - the command's help, options and exit codes
# shellcheck source=/dev/null # it sets tool, dir, build, top
. "$(dirname "$0")/kit.sh"

is 2 "nothing is no command" "$tool"
says '^usage: securestate COMMAND' "it says how"
does "--help" "$tool" --help
does "--version" "$tool" --version
says "^securestate $(cat "$top/VERSION")\$" "it is this one"
for c in check 'store init' reap list revoke migrate; do
	# shellcheck disable=SC2086 # two words
	does "$c --help" "$tool" $c --help
	says "^usage: securestate $c " "$c has a line of its own"
	grep -q "^\.It Cm $c\( \|\$\)" "$top/man/securestate.1"
	told "$c is in securestate(1)" $?
done
while read -r text args; do
	# shellcheck disable=SC2086 # words
	is 2 "$text is refused" "$tool" $args
	line "$text"
done <<'X'
no-such-command wash
half-a-command store
other-half store drop
no-URI check
three-stores migrate a: b: c:
unknown-option check --fast memory:
an-option-of-another reap --scale 3
no-value check memory: --scale
empty-scale check memory: --scale=
scale-0 check memory: --scale 0
scale-of-words check memory: --scale ten
a-flag-with-a-value check memory: --force=1
idle-negative reap --idle -3
revoke-nobody revoke memory:
repair-of-memory check --repair memory:
X
is 1 "output that cannot be written" sh -c "'$tool' --help >/dev/full"
finish
