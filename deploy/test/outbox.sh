#!/usr/bin/env bash
# "bouncewatch watch" sends outcomes to a ClickHouse of its own while mail is
# logged and the log rotates. Both are killed again and again. In the end
# ClickHouse has each outcome once. Needs clickhouse-server (Debian's 18.16 or
# later) and curl; takes a minute or two.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${CLICKHOUSE_TEST_PORT:-28124}
metrics=${METRICS_TEST_PORT:-28125}
kills=${KILLS:-12}

dir=$(mktemp -d)
server= watch=
stop() {
	for pid in $watch $server; do kill -9 "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done
	rm -rf "$dir"
}
trap stop EXIT

. deploy/test/clickhouse-server.sh
echo secret >"$dir/password"
cat >"$dir/site.yaml" <<-YAML
	logs: [$dir/mail.log]
	from_start: true
	state_dir: $dir/state
	listen_address: [127.0.0.1:$metrics]
	rotate_wait: 1s
	clickhouse:
	  url: $url
	  interval: 1s
	  username: bw
	  password_file: $dir/password
YAML

follow() {
	TZ=UTC "$bouncewatch" watch --config "$dir/site.yaml" >>"$dir/watch.out" 2>&1 &
	watch=$!
}
dead() { kill -9 "$1"; wait "$1" 2>/dev/null || true; }

bouncewatch=${BOUNCEWATCH:-$dir/bouncewatch}
[ -x "$bouncewatch" ] || go build -buildvcs=false -o "$bouncewatch" ./cmd/bouncewatch

lines=0
mail() {
	for _ in $(seq "$1"); do
		lines=$((lines + 1))
		echo "2026-11-24T10:00:00+00:00 mx1 postfix/smtp[1]: 4Q$lines: to=<u$lines@example.org>, relay=mx.example.org[192.0.2.2]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.2] said: 550 5.1.1 User unknown (in reply to RCPT TO command))"
	done >>"$dir/mail.log"
}
rows() { echo "SELECT $1 FROM mail_events FINAL FORMAT TabSeparated" | ask; }

touch "$dir/mail.log"
serve
created
follow
for i in $(seq "$kills"); do
	mail $((RANDOM % 200))
	sleep $((RANDOM % 3)).$((RANDOM % 10))
	case $((i % 3)) in
	0) dead "$watch"; mail $((RANDOM % 200)); follow ;;
	1) dead "$server"; mail $((RANDOM % 200)); serve ;;
	2) dead "$watch"; dead "$server"; serve; follow ;;
	esac
	if [ $((i % 4)) = 0 ]; then mv "$dir/mail.log" "$dir/mail.log.$i"; fi
	mail $((RANDOM % 200))
done
for _ in $(seq 120); do
	got=$(rows 'count()' 2>/dev/null || echo 0)
	[ "$got" -lt "$lines" ] || break
	sleep 1
done
want="$lines	$lines	$lines"
got=$(rows 'count(), uniqExact(queue_id), sum(outcomes)')
stored=$(echo 'SELECT count() FROM mail_events FORMAT TabSeparated' | ask)
counted=$(curl -sS "http://127.0.0.1:$metrics/metrics" | sed -n 's/^bouncewatch_events_total{direction="outbound",mta="postfix",status="bounced"} //p')
if [ "$got" != "$want" ] || [ "$counted" != "$lines" ]; then
	echo "$lines outcomes; ClickHouse has rows, messages and outcomes $got, the metric is $counted"
	tail "$dir/watch.out"
	exit 1
fi
echo "after $kills kills ClickHouse has each of $lines outcomes once ($stored rows before it merged)"
