# The everyday commands. .ci/run is what must pass before a change lands.
.PHONY: build test cover lint fuzz bench ci

build:
	go build -trimpath -ldflags "-s -w" -o bouncewatch ./cmd/bouncewatch

test:
	go test -race -shuffle=on ./...

cover:
	go test -cover ./...

lint:
	test -z "$$(gofmt -l cmd pkg deploy)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Every target for FUZZTIME; what it finds becomes a seed in testdata/fuzz.
FUZZTIME ?= 1m
fuzz:
	for pkg in $$(go list ./pkg/... ./cmd/bouncewatch/internal/story); do \
		for target in $$(go test $$pkg -run '^$$' -list '^Fuzz' | grep '^Fuzz'); do \
			go test $$pkg -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

bench:
	go test -run '^$$' -bench . -benchmem ./pkg/...

ci:
	bash .ci/run
