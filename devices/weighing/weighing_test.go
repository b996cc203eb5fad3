package weighing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/weighing"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/lines"
)

// The protocol of these tests: "w <number> <unit>" is a weight, "hello" the start of a balance, "bad" a broken line, and
// any other word the answer to the question of that name.
func protocol(probe string) weighing.Protocol[string] {
	p := weighing.Protocol[string]{
		Framer: new(lines.Framer), Quiet: 200 * time.Millisecond,
		Decode: func(frame []byte) (string, error) {
			switch {
			case string(frame) == "bad":
				return "", errors.New("no line of this protocol")
			case strings.HasSuffix(string(frame), " lb"):
				return "", measure.ErrUnit
			}
			return string(frame), nil
		},
		Restarted: func(m string) bool { return m == "hello" },
	}
	if probe != "" {
		p.Probe = word(probe)
	}
	return p
}

func word(w string) weighing.Question[string] {
	return weighing.Question[string]{
		Command: []byte(w + "\r\n"), Timeout: 500 * time.Millisecond,
		Answers: func(m string) (bool, error) {
			if m == "no" {
				return true, devices.ErrRefused
			}
			return m == w, nil
		},
	}
}

func weight() weighing.Question[string] {
	q := word("w")
	q.Answers = func(m string) (bool, error) { return strings.HasPrefix(m, "w "), nil }
	return q
}

func shown(m string) (weighing.Shown, error) {
	f := strings.Fields(m)
	p, err := measure.ParsePrinted([]byte(f[1]), []byte(f[2]))
	return weighing.Shown{Printed: p, Width: len(m), Stable: true}, err
}

func ask(want, reply string) devicetest.Exchange {
	return devicetest.Exchange{Want: want, Reply: reply}
}

// begun is a line on which the balance has answered "who".
func begun(t *testing.T, probe string, f func(t *testing.T, l *weighing.Line[string]), steps ...devicetest.Exchange) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, append([]devicetest.Exchange{ask("who\r\n", "who\r\n")}, steps...)...)
		l := weighing.NewLine(link, protocol(probe), time.Now)
		defer l.Close()
		if _, err := l.Begin(t.Context(), nil, word("who")); err != nil {
			t.Fatal(err)
		}
		f(t, l)
	})
}

func TestBeginDropsWhatWasUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t,
			devicetest.Exchange{Reply: "w 1.0 g\r\nw 2"},
			ask("\r\n", ".0 g\r\nwho\r\n"), // an answer to somebody else
			ask("who\r\n", "who\r\n"),
		)
		l := weighing.NewLine(link, protocol("who"), time.Now)
		defer l.Close()
		if a, err := l.Begin(t.Context(), []byte("\r\n"), word("who")); err != nil || a.Raw != "who" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestQuestionsAreAskedAgain(t *testing.T) {
	for name, row := range map[string]struct {
		patient bool
		steps   []devicetest.Exchange
		want    error
	}{
		"after silence":                  {steps: []devicetest.Exchange{ask("x\r\n", ""), ask("p\r\n", "x\r\np\r\n"), ask("x\r\n", "x\r\n")}},
		"after a broken line":            {steps: []devicetest.Exchange{ask("x\r\n", "bad\r\n"), ask("p\r\n", "p\r\n"), ask("x\r\n", "x\r\n")}},
		"not when it waits for an event": {patient: true, steps: []devicetest.Exchange{ask("x\r\n", "")}, want: devices.ErrNoReply},
		"not when it was refused":        {steps: []devicetest.Exchange{ask("x\r\n", "no\r\n")}, want: devices.ErrRefused},
		"not when the balance restarted": {steps: []devicetest.Exchange{ask("x\r\n", "hello\r\n")}, want: devices.ErrRestarted},
	} {
		t.Run(name, func(t *testing.T) {
			begun(t, "p", func(t *testing.T, l *weighing.Line[string]) {
				q := word("x")
				q.Patient = row.patient
				if _, err := l.Query(t.Context(), q); !errors.Is(err, row.want) {
					t.Error(err)
				}
			}, row.steps...)
		})
	}
}

// After an unknown, nothing is taken for an answer that came before the answer to the probe; without a probe, before a
// silence.
func TestStaleAnswersAreNotTaken(t *testing.T) {
	late := func(t *testing.T, l *weighing.Line[string]) {
		q := weight()
		q.Patient = true
		if _, err := l.Once(t.Context(), q); !errors.Is(err, devices.ErrNoReply) {
			t.Error(err)
		}
		if a, err := l.Once(t.Context(), q); err != nil || a.Raw != "w 2.0 g" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	begun(t, "p", late, ask("w\r\n", ""), ask("p\r\n", "w 1.0 g\r\nno\r\n"), ask("w\r\n", "w 2.0 g\r\n")) // a refusal answers too
	begun(t, "", late, ask("w\r\n", ""), ask("w\r\n", "w 2.0 g\r\n"))
}

func TestARestartIsNoticedBetweenQuestions(t *testing.T) {
	begun(t, "p", func(t *testing.T, l *weighing.Line[string]) {
		if _, err := l.Query(t.Context(), word("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Query(t.Context(), word("x")); !errors.Is(err, devices.ErrRestarted) {
			t.Error(err)
		}
	}, devicetest.Exchange{Want: "x\r\n", Reply: "x\r\nhello\r\n"})
}

func TestOneForm(t *testing.T) {
	begun(t, "p", func(t *testing.T, l *weighing.Line[string]) {
		if l.FormKnown() {
			t.Error("no weight has come yet")
		}
		for _, want := range []measure.Weight{1_500_000, 1_500_000} {
			if r, err := l.Weigh(t.Context(), weight(), shown); err != nil || r.Weight != want || r.Raw != "w 1.50 g" {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if r, err := l.Weigh(t.Context(), weight(), shown); !errors.Is(err, devices.ErrUnit) || r != (devices.Reading{}) {
			t.Errorf("%+v, %v", r, err)
		}
	},
		ask("w\r\n", "w 1.50 g\r\n"), ask("w\r\n", "w 1.50 g\r\n"), // the first shows the form
		ask("w\r\n", "w 1.5 g\r\n"), ask("w\r\n", "w 1.50 g\r\n"), ask("w\r\n", "w 1.50 g\r\n"), // a lost digit
		ask("w\r\n", "w 1.5 lb\r\n"),
	)
}

// A form that changes each time is no weight.
func TestNoForm(t *testing.T) {
	begun(t, "p", func(t *testing.T, l *weighing.Line[string]) {
		if r, err := l.Weigh(t.Context(), weight(), shown); !errors.Is(err, devices.ErrGarbled) || r != (devices.Reading{}) {
			t.Errorf("%+v, %v", r, err)
		}
	}, ask("w\r\n", "w 1 g\r\n"), ask("w\r\n", "w 1.0 g\r\n"), ask("w\r\n", "w 1.00 g\r\n"), ask("w\r\n", "w 1.000 g\r\n"))
}

func TestAnAnswerInTwoSteps(t *testing.T) {
	begun(t, "p", func(t *testing.T, l *weighing.Line[string]) {
		if _, err := l.Once(t.Context(), word("z")); err != nil {
			t.Fatal(err)
		}
		if a, err := l.Next(t.Context(), word("done")); err != nil || a.Raw != "done" {
			t.Errorf("%+v, %v", a, err)
		}
		if _, err := l.Next(t.Context(), word("done")); !errors.Is(err, devices.ErrNoReply) {
			t.Error(err)
		}
	}, ask("z\r\n", "z\r\ndone\r\n"))
}

func TestPolling(t *testing.T) {
	still := devices.Reading{Weight: 20_000, Decimals: 2, Unit: "g", Stable: true}
	moving, heavy := still, still
	moving.Stable, heavy.Weight = false, 20_001
	kilo := devices.Reading{Weight: 2 * measure.WeightGram, Decimals: 3, Unit: "kg", Stable: true}
	milli := devices.Reading{Weight: 200, Decimals: 1, Unit: "mg", Stable: true}
	for name, row := range map[string]struct {
		show         []any
		stable, zero error
	}{
		"at rest at once":       {[]any{still}, nil, nil},
		"after a while":         {[]any{moving, devices.ErrUnstable, still}, nil, nil},
		"never":                 {[]any{moving}, devices.ErrUnstable, devices.ErrUnstable},
		"at rest above zero":    {[]any{heavy}, nil, devices.ErrUnstable},
		"two grams of a kilo":   {[]any{kilo}, nil, nil},
		"two tenths of a milli": {[]any{milli}, nil, nil},
		"silence":               {[]any{devices.ErrNoReply}, devices.ErrNoReply, devices.ErrNoReply},
		"silence in between":    {[]any{moving, devices.ErrNoReply}, devices.ErrNoReply, devices.ErrNoReply},
		"overloaded":            {[]any{moving, devices.ErrOverload}, devices.ErrOverload, devices.ErrOverload},
		"unplugged":             {[]any{devices.ErrDisconnected}, devices.ErrDisconnected, devices.ErrDisconnected},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if r, err := weighing.PollStable(ctx, 100*time.Millisecond, tape(row.show)); !errors.Is(err, row.stable) || r.Stable != (row.stable == nil) {
				t.Errorf("%s: stable: %+v, %v", name, r, err)
			}
			again, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := weighing.PollZero(again, 100*time.Millisecond, tape(row.show)); !errors.Is(err, row.zero) {
				t.Errorf("%s: zero: %v", name, err)
			}
		})
	}
}

// tape plays readings and errors, the last one for ever.
func tape(show []any) weighing.Read {
	n := 0
	return func(context.Context) (devices.Reading, error) {
		now := show[min(n, len(show)-1)]
		n++
		if err, failed := now.(error); failed {
			return devices.Reading{}, err
		}
		return now.(devices.Reading), nil
	}
}
