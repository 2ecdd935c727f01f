#!/usr/bin/env bash
# Runs docs/clickhouse.md: makes its table in a ClickHouse of its own, loads the
# bundled logs twice, and compares its query with "bouncewatch analyze". Needs
# clickhouse-server (Debian's 18.16 or later) and curl; takes some seconds.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${CLICKHOUSE_TEST_PORT:-28123}
url="http://127.0.0.1:$port/?date_time_input_format=best_effort&allow_experimental_low_cardinality_type=1"
logs=(testdata/postfix-logs testdata/exim-logs testdata/sendmail-logs)
clock=(--timezone UTC --year 2026)

dir=$(mktemp -d)
server=
stop() {
	[ -z "$server" ] || { kill "$server"; wait "$server" || true; }
	rm -rf "$dir"
}
trap stop EXIT

cat >"$dir/users.xml" <<-XML
	<yandex><profiles><default/></profiles><quotas><default/></quotas>
	<users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>
XML
cat >"$dir/config.xml" <<-XML
	<yandex><logger><level>warning</level><log>$dir/log</log><errorlog>$dir/errors</errorlog></logger>
	<http_port>$port</http_port><listen_host>127.0.0.1</listen_host><timezone>UTC</timezone>
	<mark_cache_size>268435456</mark_cache_size><path>$dir/data/</path><tmp_path>$dir/tmp/</tmp_path>
	<users_config>$dir/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database></yandex>
XML
mkdir "$dir/data" "$dir/tmp"
clickhouse-server --config-file="$dir/config.xml" >"$dir/out" 2>&1 &
server=$!
curl -sS --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/" >/dev/null

ask() { curl -sS --fail-with-body "$url" --data-binary @-; }
block() { sed -n "/^$1/,/^\`\`\`/p" docs/clickhouse.md | sed '$d'; }

bouncewatch=${BOUNCEWATCH:-$dir/bouncewatch}
[ -x "$bouncewatch" ] || go build -buildvcs=false -o "$bouncewatch" ./cmd/bouncewatch

block 'CREATE TABLE' | ask
"$bouncewatch" analyze "${clock[@]}" --format csv --table causes "${logs[@]}" |
	tr -d '\r' | tail -n +2 | cut -d, -f1-5 | sort >"$dir/want"
[ -s "$dir/want" ]
for load in first second; do
	"$bouncewatch" events "${clock[@]}" "${logs[@]}" |
		curl -sS --fail-with-body --data-binary @- "$url&query=INSERT+INTO+mail_events+FORMAT+JSONEachRow"
	{ block 'SELECT sum(outcomes)'; echo 'FORMAT CSV'; } | ask | tr -d '"' | sort >"$dir/got"
	diff "$dir/want" "$dir/got" || { echo "after the $load load the sums differ"; exit 1; }
done
echo "ClickHouse and analyze agree on $(wc -l <"$dir/want") causes, loaded once and twice"
