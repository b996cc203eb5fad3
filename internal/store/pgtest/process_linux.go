package pgtest

import (
	"os"
	"os/exec"
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
