#!/usr/bin/env bash
# The packages as a host meets them: the same bytes from another directory,
# lintian without complaint, and in a Debian of its own install, upgrade with a
# configuration that was changed, removal and purge; the installed program answers
# doctor. Needs root and the network: see debian.sh beside this.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/test/debian.sh
must_do_debians
need lintian rpm

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
roots=${ROOTS:-$work}
root=$work/root
arch=$(dpkg --print-architecture)
fail() { echo "FAIL: $*"; exit 1; }
step() { echo "== $*"; }

# build VERSION DIR
build() { VERSION=$1 ARCHES=$arch DIST=$2 bash deploy/package.sh >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }; }
inside() { in_root "$root" "$@"; }

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
base "$roots/base"
cp -a --reflink=auto "$roots/base" "$root"
build 0.2.0 "$work/next"
cp "$work"/a/*.deb "$root/tmp/old.deb"
cp "$work"/next/*.deb "$root/tmp/new.deb"
install -m 0640 -g adm testdata/postfix-logs/pf37.log "$root/var/log/mail.log"

step "install"
apt_in "$root" install /tmp/old.deb # with --no-download apt takes no file
inside dpkg -s bouncewatch | grep -q '^Status: install ok installed$' || fail "not installed"
[ -L "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service" ] || fail "the service is not enabled"
inside bouncewatch check-config /etc/bouncewatch/bouncewatch.yaml >/dev/null
inside bouncewatch doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor after the installation"; }
grep -q '^ok     log        /var/log/mail.log: postfix, ' "$work/doctor" || { cat "$work/doctor"; fail "doctor does not know the log"; }
inside chmod 0600 /var/log/mail.log
if inside bouncewatch doctor >"$work/doctor"; then fail "doctor is content with a log that the service cannot read"; fi
{ inside bouncewatch doctor --format json || true; } | grep -q '"state": "wrong"' || fail "doctor --format json"
[ -s "$root/usr/share/man/man1/bouncewatch-watch.1.gz" ] || fail "no man page"

step "upgrade, with a configuration that was changed"
echo "poll: 1s" >"$root/etc/bouncewatch/bouncewatch.yaml"
inside systemctl disable bouncewatch.service >/dev/null 2>&1 || rm "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service"
apt_in "$root" install /tmp/new.deb
inside bouncewatch version | grep -q ' 0.2.0 ' || fail "version after the upgrade"
[ "$(cat "$root/etc/bouncewatch/bouncewatch.yaml")" = "poll: 1s" ] || fail "the upgrade changed the configuration"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/bouncewatch.service" ] || fail "the upgrade enabled a disabled service"

step "removal keeps configuration and counts"
mkdir -p "$root/var/lib/bouncewatch"
touch "$root/var/lib/bouncewatch/state.json"
apt_in "$root" remove bouncewatch
[ ! -e "$root/usr/bin/bouncewatch" ] || fail "the program is still there"
[ -e "$root/etc/bouncewatch/bouncewatch.yaml" ] && [ -e "$root/var/lib/bouncewatch/state.json" ] || fail "removal took too much"

step "purge leaves nothing"
apt_in "$root" purge bouncewatch
left=$(cd "$root" && find etc usr var -path var/log -prune -o -path var/cache/apt -prune -o -name '*bouncewatch*' -print)
[ -z "$left" ] || fail "left behind: $left"
echo "all fine"
