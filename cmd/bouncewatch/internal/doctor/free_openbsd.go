package doctor

import "golang.org/x/sys/unix"

func freeOf(dir string) (free, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return free{}, err
	}
	return free{st.F_bavail * int64(st.F_bsize), int64(st.F_ffree), st.F_files > 0}, nil
}
