#!/usr/bin/env bash
# Makes what a release consists of in dist/ (or $DIST): static binaries for Linux,
# FreeBSD, OpenBSD and NetBSD, deb and rpm packages, an SBOM for each binary, and SHA256SUMS.
# The same commit gives the same bytes, wherever and whenever it is built.
#
#   deploy/package.sh                 all of it
#   deploy/package.sh binaries        only the binaries
#   ARCHES=amd64 deploy/package.sh    only this architecture
set -euo pipefail
cd "$(dirname "$0")/.."

NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0
CYCLONEDX=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf "${DIST:-dist}"
mkdir -p "${DIST:-dist}"
dist=$(realpath "${DIST:-dist}")
arches=${ARCHES:-amd64 arm64}
export VERSION=${VERSION:-$(sed -n 's/^const release = "\(.*\)"$/\1/p' cmd/bouncewatch/main.go)}
revision=${REVISION:-$(git rev-parse HEAD)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
export TZ=UTC LC_ALL=C CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"
umask 022

# build OS ARCH FILE: a static binary.
build() {
	local v=github.com/prometheus/common/version
	GOOS=$1 GOARCH=$2 go build -ldflags "-s -w -buildid= -X $v.Version=$VERSION -X $v.Revision=$revision" -o "$3" ./cmd/bouncewatch
}

# debian_changelog: the newest entry of CHANGELOG.md as Debian has it (deb-changelog(5)).
debian_changelog() {
	echo "bouncewatch ($VERSION-1) unstable; urgency=medium"
	echo
	sed -n '/^## /,$p' CHANGELOG.md | sed '1d;/^## /,$d' | sed -n 's/^- /  * /p;s/^  */    /p' | tr -d '`*' | fold -s -w 76 | sed 's/^\([^ ]\)/    \1/'
	echo
	echo " -- bouncewatch <bouncewatch@users.noreply.github.com>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

# stage DIR: what the packages have beside the binary, the same for all. nfpm
# keeps the times of files, so all get that of the commit.
stage() {
	mkdir "$1/man"
	cp -r configs/bouncewatch.yaml deploy/systemd deploy/packaging CHANGELOG.md LICENSE "$1"
	go test ./cmd/bouncewatch -count=1 -run '^TestManPages$' -man "$1/man" >/dev/null
	gzip -9n "$1"/man/*.1
	go build -o "$1/native" ./cmd/bouncewatch
	for shell in bash fish zsh; do "$1/native" completion "$shell" >"$1/completion.$shell"; done
	debian_changelog | gzip -9n >"$1/changelog.Debian.gz"
}

# go run keeps what it built, so that only the first package waits for that.
nfpm() { go run "$NFPM" "$@"; }
cyclonedx() { go run "$CYCLONEDX" "$@"; }

# package ARCH BINARY: a deb and an rpm.
package() {
	install -m 0755 "$2" "$stage/bouncewatch"
	find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	for format in deb rpm; do
		(cd "$stage" && ARCH=$1 nfpm package -f packaging/nfpm.yaml -p "$format" -t "$dist")
	done
}

for arch in $arches; do
	for system in linux freebsd openbsd netbsd; do
		build "$system" "$arch" "$dist/bouncewatch-$VERSION-$system-$arch"
	done
done
binaries=("$dist"/*)
if [ "${1:-all}" != binaries ]; then
	stage=$(mktemp -d)
	trap 'rm -rf "$stage"' EXIT
	stage "$stage"
	for arch in $arches; do
		package "$arch" "$dist/bouncewatch-$VERSION-linux-$arch"
	done
	for binary in "${binaries[@]}"; do
		cyclonedx bin -json -noserial -version "$VERSION" -output - "$binary" 2>/dev/null |
			sed "s/^\( *\"timestamp\": \)\"[^\"]*\"/\1\"$date\"/" >"$binary.cdx.json"
	done
fi
cd "$dist"
sums=$(sha256sum -- *)
echo "$sums" | tee SHA256SUMS
