package demo

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the children: with LIEU_TEST_CHILD set it does what that says instead of running tests.
func TestMain(m *testing.M) {
	switch os.Getenv("LIEU_TEST_CHILD") {
	case "":
		code := m.Run()
		postgres.Stop()
		os.Exit(code)
	case "polite":
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		fmt.Println("up and quiet")
		fmt.Println("WARN up and loud")
		<-end
		fmt.Println("bye")
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("WARN up and loud")
		<-time.After(time.Minute)
	case "dies":
		os.Exit(7)
	}
}

// heard collects what the terminal shows and tells when a text came.
type heard struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(p)
	select {
	case h.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}

func (h *heard) wait(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(h.String(), text) {
		select {
		case <-h.more:
		case <-time.After(20 * time.Second):
			t.Fatalf("never heard %q; heard %q", text, h.String())
		}
	}
}

func loud(line string) bool { return strings.Contains(line, "WARN") }

func played(name, part string) Program {
	return Program{Name: name, Path: os.Args[0], Env: []string{"LIEU_TEST_CHILD=" + part}, Show: loud}
}

func TestChildrenEndInReverseOrderAndEveryLineIsLogged(t *testing.T) {
	terminal, logs := &heard{more: make(chan struct{}, 1)}, t.TempDir()
	s := NewSupervisor(terminal, logs)
	for _, name := range []string{"one", "two"} {
		if err := s.Start(played(name, "polite")); err != nil {
			t.Fatal(err)
		}
		terminal.wait(t, name+"      | WARN up and loud")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(terminal.String(), "quiet") {
		t.Errorf("the terminal shows a quiet line: %q", terminal.String())
	}
	for _, name := range []string{"one", "two"} {
		log, err := os.ReadFile(filepath.Join(logs, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "up and quiet\nWARN up and loud\nbye\n"; string(log) != want {
			t.Errorf("log of %s is %q, want %q", name, log, want)
		}
	}
	select {
	case err := <-s.Ended():
		t.Errorf("an ordered end is told as an accident: %v", err)
	default:
	}
}

func TestAStubbornChildIsKilled(t *testing.T) {
	terminal := &heard{more: make(chan struct{}, 1)}
	s := NewSupervisor(terminal, t.TempDir())
	s.Patience = 50 * time.Millisecond
	if err := s.Start(played("mule", "stubborn")); err != nil {
		t.Fatal(err)
	}
	terminal.wait(t, "loud")
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Fatalf("Stop = %v, want a word about the kill", err)
	}
}

func TestAChildThatDiesIsTold(t *testing.T) {
	s := NewSupervisor(&heard{more: make(chan struct{}, 1)}, t.TempDir())
	if err := s.Start(played("frail", "dies")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.Ended():
		if !strings.Contains(err.Error(), "exit status 7") {
			t.Errorf("told %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the end of the child was not told")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestNothingStartsAfterStop(t *testing.T) {
	s := NewSupervisor(&heard{more: make(chan struct{}, 1)}, t.TempDir())
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(played("late", "polite")); err == nil {
		t.Fatal("a child was started after Stop")
	}
}
