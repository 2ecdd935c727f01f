#!/usr/bin/env bash
# The units have no fault, and the service is exposed no more than 1.5 of 10
# (systemd-analyze(1), security). Needs systemd-analyze.
set -euo pipefail
cd "$(dirname "$0")/../systemd"

if ! command -v systemd-analyze >/dev/null; then
	apt-get update -qq && apt-get install -y -qq systemd >/dev/null
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The program need not be installed where the unit is checked.
sed 's|^ExecStart=/usr/bin/bouncewatch|ExecStart=/bin/true|' bouncewatch.service >"$dir/bouncewatch.service"
check() {
	faults=$(systemd-analyze verify --man=no "$@" 2>&1) || true
	[ -z "$faults" ] || { echo "$faults"; exit 1; }
	systemd-analyze security --offline=yes --threshold=15 "$dir/bouncewatch.service" | tail -1
}
check "$dir/bouncewatch.service"

# And with the socket handed over.
mkdir "$dir/bouncewatch.service.d"
sed 's|^ExecStart=/usr/bin/bouncewatch|ExecStart=/bin/true|' examples/socket.conf >"$dir/bouncewatch.service.d/socket.conf"
cp examples/bouncewatch.socket "$dir"
check "$dir/bouncewatch.service" "$dir/bouncewatch.socket"

# The daily summary.
cp bouncewatch-daily.service bouncewatch-daily.timer "$dir"
check "$dir/bouncewatch-daily.service" "$dir/bouncewatch-daily.timer"
systemd-analyze security --offline=yes --threshold=15 "$dir/bouncewatch-daily.service" | tail -1
