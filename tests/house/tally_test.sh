#!/bin/sh
# tally_test.sh - scripts/tally.pl counts TAP, and overlooks no failure
set -u
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tally.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
bad=0

# says VERDICT OUTPUT WANT TEXT: one program's log, and the last line for it
says() {
	{
		echo '1/1 Testing: a/b'
		echo 'Output:'
		printf '%b' "$2"
		echo '<end of output>'
		echo 'Test time =   0.01 sec'
		echo "Test $1."
	} >"$dir/log"
	told "$dir/log" 0 "$3" "$4"
}

# told LOG BROKEN WANT TEXT
told() {
	n=$((n + 1))
	perl "$top/scripts/tally.pl" "$2" "$1" >"$dir/out" 2>&1
	status=$?
	case $3 in
	*' 0 failed'*) want=0 ;;
	*) want=1 ;;
	esac
	if [ "$(tail -n 1 "$dir/out")" = "$3" ] && [ $status = $want ]; then
		echo "ok $n - $4"
	else
		echo "not ok $n - $4"
		sed 's/^/# /' "$dir/out"
		bad=1
	fi
}

says Passed 'ok 1 - a\nok 2 - b\n1..2\n' '2 passed, 0 failed' 'passes count'
says Failed 'ok 1\nnot ok 2\n1..2\n' '1 passed, 1 failed' 'failures count'
says Passed 'ok 1\nok 2 # SKIP why\n1..2\n' '1 passed, 0 failed, 1 skipped' \
    'skips count apart'
says Passed '1..0 # SKIP why\n' '0 passed, 0 failed, 1 skipped' \
    'a program skipped whole'
says Passed 'not ok 1\n1..1\n' '0 passed, 1 failed' \
    'a "not ok" counts, whatever the exit code'
says Failed 'ok 1\n' '1 passed, 1 failed' 'a crash counts'
says Failed 'ok 1\n1..1\n' '1 passed, 1 failed' 'a bad exit code counts'
says Passed 'ok 1\n1..2\n' '1 passed, 1 failed' 'a test left out counts'
says Passed 'hello\n' '0 passed, 1 failed' 'no TAP at all counts'
: >"$dir/log"
told "$dir/log" 0 '0 passed, 1 failed' 'no test at all counts'
echo '1/1 Testing: a/b' >"$dir/log"
told "$dir/log" 0 '0 passed, 1 failed' 'a log that stops counts'
says Passed 'ok 1\n1..1\n' '1 passed, 0 failed' 'nothing broken'
told "$dir/log" 2 '1 passed, 2 failed' 'builds that broke count'
mkdir -p "$dir/build/asan/Testing" "$dir/build/asan/reports"
mv "$dir/log" "$dir/build/asan/Testing/log"
told "$dir/build/asan/Testing/log" 0 '1 passed, 0 failed' 'no report'
echo 'ERROR: LeakSanitizer' >"$dir/build/asan/reports/report.1"
told "$dir/build/asan/Testing/log" 0 '1 passed, 1 failed' \
    'a report of a sanitizer counts, though every test passed'

echo "1..$n"
exit $bad
