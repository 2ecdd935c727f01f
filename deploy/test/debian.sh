# shellcheck shell=bash disable=SC2016 # the programs given to sh expand by themselves
# Debians of their own, for tests that install packages. To be sourced.
#
# ROOTS=DIR keeps them: for the next test, or for the next time.

suite=$(. /etc/os-release; echo "${VERSION_CODENAME:-}")

# must_do_debians ends the test with status 77, as of a test that cannot run here, and says why.
must_do_debians() {
	reason=
	[ "$(id -u)" = 0 ] || reason="it needs root"
	[ -n "$reason" ] || command -v apt-get >/dev/null || reason="it needs Debian or what is made of it"
	[ -n "$reason" ] || unshare --net --mount --pid --fork true 2>/dev/null ||
		reason="root may not make namespaces on this machine (a container without CAP_SYS_ADMIN)"
	[ -z "$reason" ] || { echo "$(basename "$0"): left out: $reason"; exit 77; }
}

# need PACKAGE...: installs them on this host, unless each has a command of its name.
need() {
	local package
	for package; do
		command -v "$package" >/dev/null || break
	done
	command -v "$package" >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null; }
}

# in_root ROOT COMMAND...: in that Debian, with its own /proc. What the command leaves behind ends with it.
in_root() {
	unshare --mount --pid --fork --kill-child sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$@"
}

# base DIR: the smallest Debian with apt, and in its cache the mail servers. They exclude each other, so
# each is for a copy of this. No daemon starts when it is installed. All that is fetched is fetched here.
base() {
	[ ! -e "$1/complete" ] || return 0
	need mmdebstrap
	rm -rf --one-file-system "${1:?}"
	mmdebstrap --quiet --variant=apt --skip=cleanup/apt \
		--aptopt='Acquire::Retries "5"' --aptopt='Acquire::http::Timeout "30"' --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io \
		--essential-hook='printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d" && chmod +x "$1/usr/sbin/policy-rc.d"' \
		--customize-hook='for server in postfix exim4-daemon-light "sendmail-bin sendmail-cf"; do
			APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq --yes --download-only install $server >/dev/null
		done' "$suite" "$1" || { echo "$(basename "$0"): no Debian could be made: is its mirror there?"; return 1; }
	touch "$1/complete"
}

# install_in ROOT PACKAGE...: what is in the root, or was fetched for it. No one is asked.
install_in() { apt_in "$1" install --no-download "${@:2}"; }

# apt_in ROOT ARGUMENT...: apt-get, which is quiet unless it fails.
apt_in() {
	local out
	out=$(DEBIAN_FRONTEND=noninteractive in_root "$1" apt-get -qq -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef "${@:2}" 2>&1) ||
		{ echo "$out"; echo "apt-get ${*:2}: failed in $1"; return 1; }
}
