#!/usr/bin/env bash
# Runs docs/clickhouse.md: makes its table in a ClickHouse of its own, loads the
# bundled logs twice, and compares its query with "bouncewatch analyze". Needs
# clickhouse-server (Debian's 18.16 or later) and curl; takes some seconds.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${CLICKHOUSE_TEST_PORT:-28123}
logs=(testdata/postfix-logs testdata/exim-logs testdata/sendmail-logs)
clock=(--timezone UTC --year 2026)

dir=$(mktemp -d)
server=
stop() {
	[ -z "$server" ] || { kill "$server"; wait "$server" || true; }
	rm -rf "$dir"
}
trap stop EXIT
. deploy/test/clickhouse-server.sh
serve
created

bouncewatch=${BOUNCEWATCH:-$dir/bouncewatch}
[ -x "$bouncewatch" ] || go build -buildvcs=false -o "$bouncewatch" ./cmd/bouncewatch

"$bouncewatch" analyze "${clock[@]}" --format csv --table causes "${logs[@]}" |
	tr -d '\r' | tail -n +2 | cut -d, -f1-5 | sort >"$dir/want"
[ -s "$dir/want" ]
for load in first second; do
	"$bouncewatch" events "${clock[@]}" "${logs[@]}" |
		ask 'date_time_input_format=best_effort&query=INSERT+INTO+mail_events+FORMAT+JSONEachRow'
	{ block 'SELECT sum(outcomes)'; echo 'FORMAT CSV'; } | ask | tr -d '"' | sort >"$dir/got"
	diff "$dir/want" "$dir/got" || { echo "after the $load load the sums differ"; exit 1; }
done
echo "ClickHouse and analyze agree on $(wc -l <"$dir/want") causes, loaded once and twice"
