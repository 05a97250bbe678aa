# serve.sh - the demo's server for a test: sourced, not run
# shellcheck shell=sh disable=SC2034
#
#	serve			$origin answers, $demo is the script's pid
#	unserve SIGNAL		$status is how the script ended
#	browse NAME		the server, then NAME.mjs, which says how it ends
#
# The demo gets a session (of processes) and a TMPDIR of its own, so that
# what it leaves behind can be seen.
top=${SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${BUILD_DIR:-$top/build/dev}
dir=$(mktemp -d "${TMPDIR:-/tmp}/web.XXXXXX") || exit 1
mkdir "$dir/tmp"
demo=
origin=
n=0
bad=0

# told TEXT STATUS: TAP; what is in $dir/out explains a failure
told() {
	n=$((n + 1))
	if [ "$2" = 0 ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		[ ! -s "$dir/out" ] || sed 's/^/# /' "$dir/out"
		bad=1
	fi
	: >"$dir/out"
}

done_testing() {
	echo "1..$n"
	exit $bad
}

# Processes of the demo's session that still run.
left() {
	ps -o pid=,args= -s "$demo" | grep -v defunct
}

serve() {
	: >"$dir/said"
	TMPDIR=$dir/tmp DEMO_PORT=0 DEMO_BUILD=$build \
	    setsid "$top/scripts/demo" >"$dir/said" 2>"$dir/log" </dev/null &
	demo=$!
	origin=
	while [ -z "$origin" ] && kill -0 "$demo" 2>/dev/null; do
		origin=$(sed -n 's|.*\(http://127\.0\.0\.1:[0-9]*\)/.*|\1|p' \
		    "$dir/said")
		[ -n "$origin" ] || sleep 0.1
	done
	if [ -z "$origin" ]; then
		cat "$dir/log" "$dir/said" >"$dir/out"
		told "the demo starts" 1
		done_testing
	fi
}

unserve() {
	kill "-$1" "$demo"
	wait "$demo"
	status=$?
}

browse() {
	web=$top/tests/web
	for need in node chromium; do
		if ! command -v $need >/dev/null; then
			echo "1..0 # SKIP there is no $need: scripts/deps check"
			exit 0
		fi
	done
	if [ ! -d "$web/node_modules/playwright-core" ]; then
		echo "1..0 # SKIP there is no playwright-core: scripts/deps check"
		exit 0
	fi
	serve
	mkdir -p "$build/screenshots"
	TMPDIR=$dir HOME=$dir node "$web/$1.mjs" "$origin" "$build/screenshots"
	exit $?
}

finish() {
	if [ -n "$demo" ] && kill -TERM "$demo" 2>/dev/null; then
		wait "$demo"
	fi
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
