package pgtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// nobody is the user as whom the server runs when the tests run as root, which PostgreSQL refuses.
const nobody = 65534

func unprivileged(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
}

func unprivilegedOwner(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(dir, nobody, nobody)
}

// startBound starts the server so that it ends with this process, however that ends. The kernel watches the thread that
// started the child, so that thread must live as long.
func startBound(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}

// claim marks a directory as in use by this process. The kernel gives the lock back when the process ends, however that
// ends. The file gets its name once it is locked, so nobody finds it in between.
func claim(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "claim")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, os.Rename(f.Name(), filepath.Join(dir, "lock"))
}

// sweep removes the directories whose process has ended. One without a lock file is left alone.
func sweep(pattern string) {
	locks, _ := filepath.Glob(filepath.Join(pattern, "lock"))
	for _, name := range locks {
		f, err := os.Open(name) //nolint:gosec // our own file
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(name))
		}
		_ = f.Close()
	}
}
