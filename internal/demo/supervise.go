package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Program is one child process of the demonstration.
type Program struct {
	Name string // shown before its lines, and the name of its log file
	Path string
	Args []string
	Env  []string // added to this process's environment
	// Show chooses the lines that are shown in the terminal too; nil shows none. Every line goes to the log file.
	Show func(line string) bool
}

// Patience is how long a child may take to end by itself before it is killed. Three children end within eight seconds.
const Patience = 2500 * time.Millisecond

// Supervisor starts children and ends them in the reverse order.
type Supervisor struct {
	// Patience is how long Stop waits for one child; it is set to the constant of that name.
	Patience time.Duration

	out    io.Writer
	logs   string
	start  chan startRequest
	ended  chan error
	mu     sync.Mutex // guards children
	kids   []*child
	closed bool
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // readable after done
}

// NewSupervisor returns a Supervisor that writes children's chosen lines to out and all of them to files in logs.
func NewSupervisor(out io.Writer, logs string) *Supervisor {
	s := &Supervisor{
		Patience: Patience, out: &lockedWriter{w: out}, logs: logs, start: make(chan startRequest), ended: make(chan error, 8),
	}
	go s.starter()
	return s
}

// starter runs every start on one thread that lives as long as this process: the kernel ends a child whose parent
// *thread* has gone.
func (s *Supervisor) starter() {
	runtime.LockOSThread()
	for r := range s.start {
		r.done <- r.cmd.Start()
	}
}

// Start starts a program. The child is ended by Stop, not by a context.
func (s *Supervisor) Start(p Program) error {
	log, err := os.OpenFile(filepath.Join(s.logs, p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.Name, err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		log.Close()
		return fmt.Errorf("pipe of %s: %w", p.Name, err)
	}
	cmd := exec.Command(p.Path, p.Args...) //nolint:gosec,noctx // our own programs; Stop ends them in order
	cmd.Stdout, cmd.Stderr, cmd.Env = writer, writer, append(cmd.Environ(), p.Env...)
	detach(cmd)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return context.Canceled
	}
	r := startRequest{cmd, make(chan error, 1)}
	s.start <- r
	err = <-r.done
	writer.Close()
	if err != nil {
		reader.Close()
		log.Close()
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	c := &child{name: p.Name, cmd: cmd, done: make(chan struct{})}
	s.kids = append(s.kids, c)
	go func() {
		s.copyLines(reader, log, p)
		s.reap(c)
	}()
	return nil
}

func (s *Supervisor) copyLines(from io.ReadCloser, log io.WriteCloser, p Program) {
	defer from.Close()
	defer log.Close()
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		if p.Show != nil && p.Show(lines.Text()) {
			fmt.Fprintf(s.out, "%-9s| %s\n", p.Name, strings.TrimSpace(lines.Text()))
		}
	}
	// A line beyond the buffer ends the scan; a child must never block on a full pipe.
	_, _ = io.Copy(log, from)
}

func (s *Supervisor) reap(c *child) {
	c.err = c.cmd.Wait()
	close(c.done)
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if !closed {
		s.ended <- fmt.Errorf("%s ended by itself (%w); see %s", c.name, orClean(c.err), filepath.Join(s.logs, c.name+".log"))
	}
}

var errCleanExit = errors.New("exit status 0")

func orClean(err error) error {
	if err == nil {
		return errCleanExit
	}
	return err
}

// Ended delivers the end of a child that nobody asked to end.
func (s *Supervisor) Ended() <-chan error { return s.ended }

// Stop ends every child, the last started first, each with a chance to end by itself. It returns when all have ended.
func (s *Supervisor) Stop() error {
	s.mu.Lock()
	s.closed = true
	kids := s.kids
	s.kids = nil
	s.mu.Unlock()
	var errs []error
	for i := len(kids) - 1; i >= 0; i-- {
		errs = append(errs, kids[i].stop(s.Patience))
	}
	close(s.start)
	return errors.Join(errs...)
}

func (c *child) stop(patience time.Duration) error {
	if err := terminate(c.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", c.name, err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	return fmt.Errorf("%s did not end within %s and was killed", c.name, patience)
}

// lockedWriter keeps lines of several children apart.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
