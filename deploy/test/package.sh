#!/usr/bin/env bash
# The packages as a host meets them: the same bytes from another directory,
# lintian without complaint, and in a Debian of its own install, upgrade with a
# configuration that was changed, removal and purge. Needs root and the network;
# takes about four minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 1; }
for need in mmdebstrap lintian rpm; do
	command -v "$need" >/dev/null || apt-get install -y -qq "$need" >/dev/null
done

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
arch=$(dpkg --print-architecture)
fail() { echo "FAIL: $*"; exit 1; }
step() { echo "== $*"; }

# build VERSION DIR
build() { VERSION=$1 ARCHES=$arch DIST=$2 bash deploy/package.sh >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }; }

# in_root COMMAND...: in the new Debian, with its own /proc.
in_root() {
	unshare --mount --pid --fork sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" "$@"
}
apt() { DEBIAN_FRONTEND=noninteractive in_root apt-get -qq -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef "$@" >"$work/apt.log" 2>&1 || { cat "$work/apt.log"; fail "apt-get $*"; }; }

step "the same bytes from another directory"
build 0.1.0 "$work/a"
export REVISION SOURCE_DATE_EPOCH
REVISION=$(git rev-parse HEAD) SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
mkdir "$work/elsewhere"
git ls-files -z -co --exclude-standard | xargs -0 tar cf - | tar xf - -C "$work/elsewhere"
(cd "$work/elsewhere" && build 0.1.0 "$work/b")
diff "$work/a/SHA256SUMS" "$work/b/SHA256SUMS" || fail "the second build differs"
(cd "$work/a" && sha256sum --quiet -c SHA256SUMS)

step "lintian"
complaints=$(lintian --allow-root --fail-on none "$work"/a/*.deb) || true
[ -z "$complaints" ] || fail "$complaints"

step "the rpm, in a root of its own"
rpm --root "$work/rpmroot" --initdb
rpm --root "$work/rpmroot" -i --nodeps --noscripts --ignorearch --ignoreos "$work"/a/*.rpm 2>/dev/null
rpm --root "$work/rpmroot" -V --nodeps bouncewatch || fail "rpm -V"
[ "$(rpm --root "$work/rpmroot" -qc bouncewatch)" = /etc/bouncewatch/bouncewatch.yaml ] || fail "the configuration is no %config"
"$work/rpmroot/usr/bin/bouncewatch" version | grep -q ' 0.1.0 ' || fail "version of the rpm's program"

step "a Debian"
mmdebstrap --quiet --variant=apt --include=man-db "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$root"
rm -f "$root/etc/dpkg/dpkg.cfg.d/docker"
build 0.2.0 "$work/next"
cp "$work"/a/*.deb "$root/tmp/old.deb"
cp "$work"/next/*.deb "$root/tmp/new.deb"
install -m 0640 -g adm testdata/postfix-logs/pf37.log "$root/var/log/mail.log"

step "install"
apt install /tmp/old.deb
in_root dpkg -s bouncewatch | grep -q '^Status: install ok installed$' || fail "not installed"
[ -L "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service" ] || fail "the service is not enabled"
in_root bouncewatch check-config /etc/bouncewatch/bouncewatch.yaml >/dev/null
in_root bouncewatch doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor after the installation"; }
grep -q '^ok     log        /var/log/mail.log: postfix, ' "$work/doctor" || { cat "$work/doctor"; fail "doctor does not know the log"; }
in_root chmod 0600 /var/log/mail.log
if in_root bouncewatch doctor >"$work/doctor"; then fail "doctor is content with a log that the service cannot read"; fi
{ in_root bouncewatch doctor --format json || true; } | grep -q '"state": "wrong"' || fail "doctor --format json"
in_root man --where bouncewatch-watch >/dev/null || fail "no man page"

step "upgrade, with a configuration that was changed"
echo "poll: 1s" >"$root/etc/bouncewatch/bouncewatch.yaml"
in_root systemctl disable bouncewatch.service >/dev/null 2>&1 || rm "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service"
apt install /tmp/new.deb
in_root bouncewatch version | grep -q ' 0.2.0 ' || fail "version after the upgrade"
[ "$(cat "$root/etc/bouncewatch/bouncewatch.yaml")" = "poll: 1s" ] || fail "the upgrade changed the configuration"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service" ] || fail "the upgrade enabled a disabled service"

step "removal keeps configuration and counts"
mkdir -p "$root/var/lib/bouncewatch"
touch "$root/var/lib/bouncewatch/state.json"
apt remove bouncewatch
[ ! -e "$root/usr/bin/bouncewatch" ] || fail "the program is still there"
[ -e "$root/etc/bouncewatch/bouncewatch.yaml" ] && [ -e "$root/var/lib/bouncewatch/state.json" ] || fail "removal took too much"

step "purge leaves nothing"
apt purge bouncewatch
left=$(cd "$root" && find etc usr var -path var/log -prune -o -path var/cache/apt -prune -o -name '*bouncewatch*' -print)
[ -z "$left" ] || fail "left behind: $left"
echo "all fine"
