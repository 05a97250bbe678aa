#!/bin/sh
# browser_test.sh - login.mjs, in a real browser, against the demo's server
set -u
web=$(cd "$(dirname "$0")" && pwd)
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
# shellcheck source=tests/web/serve.sh
. "$web/serve.sh"

serve
mkdir -p "$build/screenshots"
TMPDIR=$dir HOME=$dir node "$web/login.mjs" "$origin" "$build/screenshots"
exit $?
