package main

import "syscall"

// freeBytes is how much room is left where folder lies; known is false when nobody can say.
func freeBytes(folder string) (free uint64, known bool) {
	var s syscall.Statfs_t
	if folder == "" || syscall.Statfs(folder, &s) != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true //nolint:gosec // a block has a positive size
}
