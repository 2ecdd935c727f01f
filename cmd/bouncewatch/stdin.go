package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// stdin is standard input until the command is interrupted. A read of a pipe or a
// terminal on which nothing comes would otherwise hold the command for ever.
func stdin(cmd *cobra.Command) io.Reader {
	return &interruptible{ctx: cmd.Context(), from: cmd.InOrStdin()}
}

// An interruptible ends with its context. What was read by then is dropped: who
// reads asks the context, too.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	full chan filled // of the reads
	free chan []byte // for the next read
	rest []byte
	last filled
}

// A filled is what one read brought.
type filled struct {
	data []byte
	err  error
}

// readSize is as much as a pipe of Linux holds (pipe(7)).
const readSize = 64 << 10

// Read fills p.
func (r *interruptible) Read(p []byte) (int, error) {
	if r.full == nil {
		r.full, r.free = make(chan filled), make(chan []byte, 2)
		r.free <- make([]byte, readSize)
		r.free <- make([]byte, readSize)
		go r.pump()
	}
	for len(r.rest) == 0 {
		if r.last.err != nil {
			return 0, r.last.err
		}
		if r.last.data != nil {
			r.free <- r.last.data[:readSize]
		}
		select {
		case r.last = <-r.full:
			r.rest = r.last.data
		case <-r.ctx.Done():
			r.last = filled{err: io.EOF}
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// pump reads until the first error. It may outlive the command, in a read that
// never returns; the process ends then.
func (r *interruptible) pump() {
	for {
		buf := <-r.free
		n, err := r.from.Read(buf)
		select {
		case r.full <- filled{buf[:n], err}:
		case <-r.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
