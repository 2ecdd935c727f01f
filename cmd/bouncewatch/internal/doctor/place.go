package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bouncewatch/bouncewatch/cmd/bouncewatch/internal/pipeline"
	"github.com/bouncewatch/bouncewatch/pkg/tailer"
)

// journals tells of the systemd journal, which is worth knowing where no file is. It must be readable if it
// is followed.
func (h *Host) journals() (findings []Finding) {
	followed := slices.Contains(h.Logs, tailer.JournalSource)
	for _, dir := range h.Journals {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		f := Finding{Check: "journal", Subject: dir, State: Fine, Text: "is there, readable"}
		if at, _ := h.Who.obstacle(dir, mayRead|maySearch); at != "" {
			f.State, f.Text = Note, "is there, and cannot be read by "+h.Who.name+": "+described(at)
			f.Mend = h.Who.mendJoin("systemd-journal")
			if followed {
				f.State = Wrong
			}
		}
		findings = append(findings, f)
	}
	if _, err := exec.LookPath("journalctl"); followed && err != nil {
		findings = append(findings, Finding{Check: "journal", Subject: "journalctl", State: Wrong, Text: "is not there, and the journal is read by means of it", Mend: "name a log file, or install systemd"})
	}
	if followed && len(findings) == 0 {
		findings = append(findings, Finding{Check: "journal", Subject: strings.Join(h.Journals, ", "), State: Wrong, Text: "no journal is there", Mend: "name a log file, as in: bouncewatch doctor /path/to/mail.log"})
	}
	return findings
}

// The room that the state needs: a snapshot is under 1 MiB, and two are there
// while one is replaced.
const (
	freeBytes  = 64 << 20
	freeInodes = 16
)

// state checks the directory of counts and positions, or where it would be made.
func (h *Host) state() []Finding {
	f := Finding{Check: "state", Subject: h.StateDir, State: Fine}
	dir := h.StateDir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir = existingParent(dir)
		f.Text = "is not there yet, and will be made"
		f.writable(h.Who, dir, h.StateDir)
	case err != nil:
		f.State, f.Text, f.Mend = Note, "cannot be looked at: "+reason(err), "run doctor as root"
		return []Finding{f}
	case !info.IsDir():
		f.State, f.Text, f.Mend = Wrong, "is no directory", "choose another with --state-dir"
		return []Finding{f}
	default:
		f.existing(info, h.Who)
	}
	return []Finding{f, space(dir)}
}

func existingParent(dir string) string {
	dir, err := filepath.Abs(dir)
	for err == nil {
		dir = filepath.Dir(dir)
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
	}
	return dir
}

// existing checks a state directory that is there.
func (f *Finding) existing(info fs.FileInfo, who Who) {
	f.Text = ownership(info) + ", no state in it yet"
	snapshot, err := pipeline.ReadState(f.Subject)
	switch {
	case errors.Is(err, fs.ErrPermission):
		f.Text = ownership(info) + ", its state is not for this user to read"
	case err != nil:
		f.State, f.Text, f.Mend = Wrong, err.Error(), "bouncewatch watch --new-state sets it aside and counts from 0"
		return
	case snapshot != nil:
		f.Text = fmt.Sprintf("%s, counting since %s", ownership(info), snapshot.Created.UTC().Format(time.RFC3339))
	}
	f.writable(who, f.Subject, f.Subject)
	if f.State == Fine && info.Mode().Perm()&0o077 != 0 {
		f.State, f.Text = Note, f.Text+", open to others"
		f.Mend = "chmod 0700 " + f.Subject
	}
}

func (f *Finding) writable(who Who, dir, wanted string) {
	at, sure := who.obstacle(dir, mayWrite|maySearch)
	switch {
	case at != "" && wanted == ServiceStateDir && who.IsService():
		f.Text += "; systemd gives it to the service (StateDirectory=)"
	case at != "":
		f.State, f.Text = Wrong, f.Text+", but "+who.name+" cannot write: "+described(at)
		f.Mend = fmt.Sprintf("install -d -m 0700 -o %s %s, or choose another with --state-dir", who.name, wanted)
	case !sure:
		f.State, f.Text, f.Mend = Note, f.Text+"; an access control list decides who may write it", "getfacl "+dir
	}
}

// ServiceStateDir is the state directory of the unit: systemd makes it and hands
// it over at the start, whoever owns it now.
const ServiceStateDir = "/var/lib/bouncewatch"

// A free is what a file system has left for all users.
type free struct {
	bytes, inodes int64
	countsInodes  bool // some file systems make them as they are needed
}

func space(dir string) Finding {
	f := Finding{Check: "space", Subject: dir, State: Fine}
	free, err := freeOf(dir)
	if err != nil {
		f.State, f.Text = Note, "cannot be asked for its free space: "+err.Error()
		return f
	}
	f.Text = fmt.Sprintf("%d MiB free", free.bytes>>20)
	switch {
	case free.bytes < freeBytes:
		f.State, f.Text = Wrong, f.Text+fmt.Sprintf(", at least %d are needed", freeBytes>>20)
		f.Mend = "df -h " + dir + "; make room, or choose another with --state-dir"
	case free.countsInodes && free.inodes < freeInodes:
		f.State, f.Text = Wrong, f.Text+fmt.Sprintf(", but only %d inodes", free.inodes)
		f.Mend = "df -i " + dir + "; remove files, or choose another with --state-dir"
	}
	return f
}
