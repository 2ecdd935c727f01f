package doctor

import "golang.org/x/sys/unix"

func freeOf(dir string) (free, error) {
	var st unix.Statvfs_t
	if err := unix.Statvfs1(dir, &st, unix.ST_WAIT); err != nil {
		return free{}, err
	}
	return free{int64(st.Bavail) * int64(st.Frsize), int64(st.Ffree), st.Files > 0}, nil // counted in fragments (statvfs(5))
}
