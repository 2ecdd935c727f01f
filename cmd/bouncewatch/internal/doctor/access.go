package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Who is the user whose access is judged.
type Who struct {
	name   string
	uid    uint32
	groups []uint32
	names  []string // of groups
	self   bool     // the user of this process: the kernel can be asked
}

// Self is the user of this process.
func Self() Who {
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return Who{name: name, uid: uint32(os.Geteuid()), self: true}
}

// Named is a user of this host.
func Named(name string) (Who, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return Who{}, err
	}
	w := Who{name: name, uid: number(u.Uid)}
	ids, err := u.GroupIds()
	for _, id := range ids {
		w.join(id)
	}
	return w, err
}

// serviceUser is the user of the service; systemd makes it while the service
// runs (DynamicUser), the other service managers find it there.
const serviceUser = "bouncewatch"

// serviceGroups are the groups of the unit.
var serviceGroups = []string{"adm", "systemd-journal"}

// Service is the user that the service runs as.
func Service() Who {
	w, err := Named(serviceUser)
	if err != nil {
		w = Who{name: serviceUser, uid: ^uint32(0)} // no file's owner
	}
	for _, name := range serviceGroups {
		if g, err := user.LookupGroup(name); err == nil {
			w.join(g.Gid)
		}
	}
	return w
}

// IsService says that access is judged for the service.
func (w Who) IsService() bool { return w.name == serviceUser }

func number(id string) uint32 {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return ^uint32(0)
	}
	return uint32(n)
}

func (w *Who) join(gid string) {
	if id := number(gid); !slices.Contains(w.groups, id) {
		w.groups, w.names = append(w.groups, id), append(w.names, groupName(id))
	}
}

// String names the user and its groups.
func (w Who) String() string {
	if w.self {
		return "user " + w.name
	}
	return fmt.Sprintf("user %s (groups: %s)", w.name, strings.Join(w.names, " "))
}

// The permissions that are asked for, as the bits of others have them.
const (
	mayRead   = 4
	mayWrite  = 2
	maySearch = 1
)

// obstacle is the file or directory that keeps the user from using path, "" if
// nothing does. sure is false where an access control list decides, which is
// not read here.
func (w Who) obstacle(path string, want uint32) (at string, sure bool) {
	if w.self {
		if unix.Access(path, want) != nil {
			return path, true
		}
		return "", true
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil || w.uid == 0 {
		return "", err == nil
	}
	sure = true
	for dir := real; dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		ok, certain := w.permitted(dir, maySearch)
		sure = sure && certain
		if !ok && certain {
			at = dir // go on: the first from the root is the one to mend first
		}
	}
	if at != "" {
		return at, true
	}
	ok, certain := w.permitted(real, want)
	if !ok && certain {
		return real, true
	}
	return "", sure && certain
}

func (w Who) permitted(path string, want uint32) (ok, sure bool) {
	info, err := os.Stat(path)
	if err != nil {
		return false, false
	}
	st, known := info.Sys().(*syscall.Stat_t)
	if !known || hasACL(path) {
		return false, false
	}
	bits := uint32(info.Mode().Perm())
	switch {
	case st.Uid == w.uid:
		bits >>= 6
	case slices.Contains(w.groups, st.Gid):
		bits >>= 3
	}
	return bits&want == want, true
}

// ownership is "root:adm 0640".
func ownership(info fs.FileInfo) string {
	mode := fmt.Sprintf("%04o", info.Mode().Perm())
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return mode
	}
	return userName(st.Uid) + ":" + groupName(st.Gid) + " " + mode
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

// mendRead says what to type so that the user gets past the obstacle.
func (w Who) mendRead(at string) string {
	info, err := os.Stat(at)
	if err != nil {
		return "run doctor as root"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	bit, letter := fs.FileMode(0o040), "r"
	if info.IsDir() {
		bit, letter = 0o010, "x"
	}
	if ok && st.Gid != 0 && info.Mode()&bit != 0 {
		return w.mendJoin(groupName(st.Gid))
	}
	group := serviceGroups[0]
	mend := fmt.Sprintf("chgrp %s %s && chmod g+%s %s", group, at, letter, at)
	if !info.IsDir() {
		mend += fmt.Sprintf(" (and in its logrotate file: create 0640 %s %s)", userName(st.Uid), group)
	}
	return mend
}

func (w Who) mendJoin(group string) string {
	if w.name == serviceUser {
		return fmt.Sprintf("systemctl edit bouncewatch, and write: [Service], SupplementaryGroups=%s; without systemd: usermod -aG %s %s", group, group, w.name)
	}
	return fmt.Sprintf("usermod -aG %s %s (and log in again)", group, w.name)
}
