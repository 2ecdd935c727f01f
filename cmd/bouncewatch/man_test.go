package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var manDir = flag.String("man", "", "directory to write the man pages to; deploy/package.sh does")

// The man pages are made of the commands. This is a test and not a command, so
// that what makes them is no part of the program.
func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	// cobra takes the date of SOURCE_DATE_EPOCH; without it only the pages' place matters.
	if os.Getenv("SOURCE_DATE_EPOCH") == "" {
		t.Setenv("SOURCE_DATE_EPOCH", "0")
	}
	root := newRoot()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	header := doc.GenManHeader{Section: "1", Source: "bouncewatch " + version.Version, Manual: "Mail logs"}
	if err := doc.GenManTree(root, &header, dir); err != nil {
		t.Fatal(err)
	}
	checkManPages(t, root, dir)
}

func checkManPages(t *testing.T, cmd *cobra.Command, dir string) {
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	page, err := os.ReadFile(filepath.Join(dir, name+".1"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `.TH "` + strings.ToUpper(name) + `" "1"`; !bytes.Contains(page, []byte(want)) {
		t.Errorf("%s.1 lacks %s", name, want)
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			checkManPages(t, c, dir)
		}
	}
}

// The date in the pages is that of the release, whenever they are made.
func TestManPagesAreReproducible(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000") // 2026-09-21
	header := doc.GenManHeader{Section: "1"}
	var page bytes.Buffer
	if err := doc.GenMan(newRoot(), &header, &page); err != nil {
		t.Fatal(err)
	}
	if want := time.Unix(1790000000, 0).Format("Jan 2006"); !strings.Contains(page.String(), want) {
		t.Errorf("%s is not in the page", want)
	}
}
