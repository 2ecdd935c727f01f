//go:build linux || freebsd || darwin

package doctor

import "golang.org/x/sys/unix"

func freeOf(dir string) (free, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return free{}, err
	}
	return free{int64(st.Bavail) * int64(st.Bsize), int64(st.Ffree), st.Files > 0}, nil // the types differ among systems
}
