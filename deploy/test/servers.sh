#!/usr/bin/env bash
# Debian's Postfix, Exim and Sendmail, each in a root and a network of its own, send
# mail to a receiver that refuses it with 24 reply codes at 6 stages. bouncewatch
# watches their logs, and must count what the receiver answered.
#
#   deploy/test/servers.sh [postfix] [exim] [sendmail]
#
# Needs root and, the first time, Debian's mirror. ROOTS=DIR keeps the installed
# servers for the next time; with them it takes about a minute and a half.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
command -v mmdebstrap >/dev/null || apt-get install -y -qq mmdebstrap >/dev/null

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
roots=${ROOTS:-$work/roots}
mkdir -p "$roots"

# The packages exclude each other, so each gets a root. Their daemons stay off.
declare -A packages=([postfix]=postfix [exim]=exim4-daemon-light [sendmail]=sendmail-bin,sendmail-cf)
install_server() {
	[ ! -e "$roots/$1/installed" ] || return 0
	rm -rf --one-file-system "${roots:?}/$1"
	mmdebstrap --quiet --variant=apt --include="${packages[$1]}" --aptopt='APT::Install-Recommends "false"' \
		--essential-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d" && chmod +x "$1/usr/sbin/policy-rc.d"' \
		"$(. /etc/os-release; echo "$VERSION_CODENAME")" "$roots/$1"
	touch "$roots/$1/installed"
}

export CGO_ENABLED=0
go build -o "$work/bouncewatch" ./cmd/bouncewatch
go build -o "$work/servers" ./deploy/test/servers
[ $# -gt 0 ] || set -- postfix exim sendmail
for server; do install_server "$server"; done
for server; do
	# What the server starts ends with the namespace.
	timeout 300 unshare --net --mount --pid --fork --kill-child \
		"$work/servers" -server "$server" -root "$roots/$server" -bouncewatch "$work/bouncewatch"
done
