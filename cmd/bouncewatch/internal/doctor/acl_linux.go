package doctor

import "golang.org/x/sys/unix"

// hasACL says whether more than the mode decides who may use a file (acl(5)).
func hasACL(path string) bool {
	n, err := unix.Getxattr(path, "system.posix_acl_access", nil)
	return err == nil && n > 0
}
