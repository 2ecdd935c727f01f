#!/usr/bin/env bash
# Debian's Postfix, Exim and Sendmail, each in a root and a network of its own, send
# mail to a receiver that answers with every reply code, at every stage of the
# dialogue. bouncewatch watches their logs, and must count what the receiver answered.
#
#   deploy/test/servers.sh [postfix] [exim] [sendmail]
#
# Needs root and, the first time, Debian's mirror: see debian.sh beside this.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/test/debian.sh
must_do_debians

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
roots=${ROOTS:-$work/roots}
mkdir -p "$roots"
[ $# -gt 0 ] || set -- postfix exim sendmail
declare -A packages=([postfix]=postfix [exim]=exim4-daemon-light [sendmail]="sendmail-bin sendmail-cf")

# install_server NAME: in a copy of the base.
install_server() {
	[ ! -e "$roots/$1/complete" ] || return 0
	rm -rf --one-file-system "${roots:?}/$1"
	cp -a --reflink=auto "$roots/base" "$roots/$1"
	rm "$roots/$1/complete"
	# shellcheck disable=SC2086 # several words
	install_in "$roots/$1" ${packages[$1]}
	touch "$roots/$1/complete"
}

# try NAME: what the server starts ends with the namespaces.
try() {
	install_server "$1"
	timeout 300 unshare --net --mount --pid --fork --kill-child \
		"$work/servers" -server "$1" -root "$roots/$1" -bouncewatch "$work/bouncewatch"
}

export CGO_ENABLED=0
go build -o "$work/bouncewatch" ./cmd/bouncewatch
go build -o "$work/servers" ./deploy/test/servers
base "$roots/base"
# Side by side: most of the time a server waits.
running=()
for server; do
	(set -e; try "$server") >"$work/$server.out" 2>&1 &
	running+=($!)
done
failed=0
for i in "${!running[@]}"; do
	wait "${running[$i]}" || failed=1
	cat "$work/${*:i+1:1}.out"
done
exit "$failed"
