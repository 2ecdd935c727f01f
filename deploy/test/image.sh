#!/usr/bin/env bash
# The image of deploy/container: what the last stage of the Dockerfile makes of a
# program that is built here, without the base image of the stage before, which
# only compiles. The program runs in it as the user it names, sees nothing else,
# and answers version and doctor. Needs root and buildah; no registry.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "image.sh: left out: it needs root"; exit 77; }
command -v buildah >/dev/null || apt-get install -y -qq --no-install-recommends buildah >/dev/null

work=$(mktemp -d)
name=localhost/bouncewatch-test-$$
run() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }
fail() { echo "FAIL: $*"; exit 1; }
container=
end() {
	[ -z "$container" ] || run rm "$container" >/dev/null
	rm -rf --one-file-system "$work"
}
trap end EXIT

# What the first stage would hand over.
mkdir -p "$work/build/usr/share" && cp -r /usr/share/zoneinfo "$work/build/usr/share" && mkdir "$work/build/state" && mkdir -m 0700 "$work/build/state/bouncewatch"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$work/build/bouncewatch" ./cmd/bouncewatch
sed -n '/^FROM scratch/,$p' deploy/container/Dockerfile | sed 's/ --from=build / /' >"$work/Dockerfile"
grep -q '^ENTRYPOINT' "$work/Dockerfile" || fail "the Dockerfile has no last stage from scratch"

run bud --quiet --isolation chroot -f "$work/Dockerfile" -t "$name" "$work/build" >/dev/null
container=$(run from "$name")
root=$(run mount "$container")

config() { run inspect --type image --format "{{.OCIv1.Config.$1}}" "$name"; }
[ "$(config User)" = 65532:65532 ] || fail "the user is $(config User)"
[ "$(config Entrypoint) $(config Cmd)" = "[/usr/bin/bouncewatch] [watch]" ] || fail "it starts $(config Entrypoint) $(config Cmd)"
[ "$(stat -c %u:%a "$root/var/lib/bouncewatch")" = 65532:700 ] || fail "the state is of $(stat -c %u:%a "$root/var/lib/bouncewatch")"
inside() { run run --isolation chroot "$container" -- /usr/bin/bouncewatch "$@"; }
inside version | grep -q '^bouncewatch' || fail "the program does not run"
mkdir -p "$root/var/log" && cp testdata/postfix-logs/pf37.log "$root/var/log/mail.log"
inside doctor >"$work/doctor" || { cat "$work/doctor"; fail "doctor"; }
grep -q '^ok     log        /var/log/mail.log: postfix, ' "$work/doctor" || { cat "$work/doctor"; fail "doctor does not know the log"; }
echo "image: $(du -sm --exclude=var/log "$root" | cut -f1) MB, runs as 65532, and doctor is content"
