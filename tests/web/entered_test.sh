#!/bin/sh
# entered_test.sh - entered.mjs, in a real browser, against the demo's server
set -u
# shellcheck source=tests/web/serve.sh
. "$(dirname "$0")/serve.sh"

browse entered
