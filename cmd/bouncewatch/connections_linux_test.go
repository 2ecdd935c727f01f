package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// openFilesOf waits until no more files are opened by a process.
func openFilesOf(t *testing.T, pid int) int {
	t.Helper()
	before := -1
	for deadline := time.After(20 * time.Second); ; {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == before {
			return before
		}
		before = len(entries)
		select {
		case <-deadline:
			t.Fatalf("%d open files, and more and more", before)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Those who connect and say nothing cannot use up the files that may be open.
func TestSilentConnections(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mail.log"), "")
	d := watch(t, "--state-dir", filepath.Join(dir, "state"), filepath.Join(dir, "mail.log"))
	address := d.waitFor(`address=(127\.0\.0\.1:\d+)`)[1]
	before := openFilesOf(t, d.cmd.Process.Pid)
	var silent []net.Conn
	for range maxConnections + 100 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, conn)
	}
	if n := openFilesOf(t, d.cmd.Process.Pid) - before; n < maxConnections-10 || n > maxConnections+10 {
		t.Errorf("%d more open files, want %d", n, maxConnections)
	}
	for _, conn := range silent {
		conn.Close()
	}
	d.stop()
}
