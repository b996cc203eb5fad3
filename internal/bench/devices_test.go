package bench

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/lieu-clinic/lieu/devices/serialport"
	"github.com/lieu-clinic/lieu/internal/station"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/protocol/andstd"
	"github.com/lieu-clinic/lieu/pkg/protocol/cavro"
	"github.com/lieu-clinic/lieu/pkg/protocol/knf"
	"github.com/lieu-clinic/lieu/pkg/protocol/mtsics"
	"github.com/lieu-clinic/lieu/pkg/protocol/newera"
	"github.com/lieu-clinic/lieu/pkg/protocol/ohaus"
	"github.com/lieu-clinic/lieu/pkg/protocol/radwag"
	"github.com/lieu-clinic/lieu/pkg/protocol/reglo"
	"github.com/lieu-clinic/lieu/pkg/protocol/sbi"
	"github.com/lieu-clinic/lieu/pkg/protocol/toledo"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// reader takes one chunk and returns how many whole answers it held.
type reader func(chunk []byte) int

// framed is the reading path of a codec: cut the frames, decode each.
func framed[M any](next func([]byte) ([]byte, []byte, bool), decode func([]byte) (M, error)) reader {
	return func(chunk []byte) (n int) {
		for {
			frame, rest, ok := next(chunk)
			if !ok {
				return n
			}
			if _, err := decode(frame); err == nil {
				n++
			}
			chunk = rest
		}
	}
}

func lined[F any, M any](f *F, sync func(*F), next func(*F, []byte) ([]byte, []byte, bool), decode func([]byte) (M, error)) reader {
	sync(f)
	return framed(func(b []byte) ([]byte, []byte, bool) { return next(f, b) }, decode)
}

func tokens[T any](next func([]byte) (T, []byte, bool)) reader {
	return func(chunk []byte) (n int) {
		for {
			_, rest, ok := next(chunk)
			if !ok {
				return n
			}
			n, chunk = n+1, rest
		}
	}
}

// BenchmarkDecode measures the reading path of every device's codec on a stream of its usual answer, against the time that
// the answer takes on its line at 9600 baud.
func BenchmarkDecode(b *testing.B) {
	for _, x := range []struct {
		name, answer string
		read         func() reader
	}{
		{"mt-sics", "S S     100.00 g\r\n", func() reader {
			return lined(new(mtsics.Framer), (*mtsics.Framer).Sync, (*mtsics.Framer).Next, mtsics.Decode)
		}},
		{"sbi", "N     +   123.56 g  \r\n", func() reader {
			return lined(new(sbi.Framer), (*sbi.Framer).Sync, (*sbi.Framer).Next, sbi.Decode)
		}},
		{"a-and-d", "ST,+00005.01  g\r\n", func() reader {
			return lined(andstd.NewFramer(), (*andstd.Framer).Sync, (*andstd.Framer).Next, andstd.Decode)
		}},
		{"ohaus", "       5.01 g\r\n", func() reader {
			return lined(new(ohaus.Framer), (*ohaus.Framer).Sync, (*ohaus.Framer).Next, ohaus.Decode)
		}},
		{"radwag", "SI         5.012 g  \r\n", func() reader {
			return lined(new(radwag.Framer), (*radwag.Framer).Sync, (*radwag.Framer).Next, radwag.Decode)
		}},
		{"toledo", "\x02\x2d\x30\x20001234000000\r\x2a", func() reader {
			return lined(toledo.NewFramer(true), (*toledo.Framer).Sync, (*toledo.Framer).Next, toledo.Decode)
		}},
		{"new-era", "\x02\x15" + "00SI2.500W0.000ML" + "\x6c\xd2\x03", func() reader { return framed(new(newera.SafeFramer).Next, newera.Decode) }},
		{"cavro", "\x020\x603000\x03\x52", func() reader { return framed(new(cavro.BlockFramer).Next, cavro.DecodeAnswer) }},
		{"simdos", "\x06\x02000004980\x034", func() reader { return tokens(new(knf.ReplyFramer).Next) }},
		{"reglo-icc", "3000E+2\r\n", func() reader { return tokens(new(reglo.ReplyFramer).Next) }},
	} {
		b.Run(x.name, func(b *testing.B) { decodeRun(b, x.answer, x.read()) })
	}
}

const answersInChunk = 64

func decodeRun(b *testing.B, answer string, read reader) {
	b.Helper()
	chunk := []byte(string(bytes.Repeat([]byte(answer), answersInChunk)))
	read(chunk) // the first chunk may only find where an answer begins
	if n := read(chunk); n < answersInChunk {
		b.Fatalf("%d of %d answers read", n, answersInChunk)
	}
	const rounds = 2000
	var spent time.Duration
	frames := 0
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		for range rounds {
			frames += read(chunk)
		}
		spent += time.Since(began)
	}
	allocs := testing.AllocsPerRun(100, func() { read(chunk) }) / answersInChunk
	perFrame := float64(spent.Nanoseconds()) / float64(frames)
	onLine := float64(len(answer)) * 10 / 9600 * 1e9 // ten bits a byte
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perFrame, "ns/frame")
	b.ReportMetric(allocs, "allocs/frame")
	b.ReportMetric(float64(len(answer))*1e3/perFrame, "MB/s")
	results.add(b.Name(), "%.0f ns an answer (1/%.0f of its time on the line)\t%.0f MB/s\t%.2g allocations", perFrame, onLine/perFrame,
		float64(len(answer))*1e3/perFrame, allocs)
}

// BenchmarkTerminal measures one question and answer through a pseudo-terminal and the serial library, against the same
// through a pipe. The device answers at once.
func BenchmarkTerminal(b *testing.B) {
	answer := []byte("S S     100.00 g\r\n")
	master, slave, err := pty.Open()
	check(b, err)
	b.Cleanup(func() { _ = master.Close(); _ = slave.Close() })
	link, err := serialport.Open(b.Context(), serialport.Config{Path: slave.Name(), LockDir: b.TempDir(), Baud: 9600})
	check(b, err)
	b.Cleanup(func() { _ = link.Close() })
	go echo(master, master, answer)
	toDevice, host := io.Pipe()
	back, device := io.Pipe()
	b.Cleanup(func() { _ = host.Close(); _ = device.Close() })
	go echo(toDevice, device, answer)

	var buf [64]byte
	overTerminal := func() {
		check(b, link.Write(b.Context(), []byte("SI\r\n")))
		for n := 0; n < len(answer); {
			got, err := link.Read(b.Context(), buf[:])
			check(b, err)
			n += got
		}
	}
	overPipe := func() {
		_, err := host.Write([]byte("SI\r\n"))
		check(b, err)
		_, err = io.ReadFull(back, buf[:len(answer)])
		check(b, err)
	}
	const rounds = 200
	var terminal, pipe time.Duration
	for b.Loop() {
		began := time.Now()
		for range rounds {
			overPipe()
		}
		middle := time.Now()
		for range rounds {
			overTerminal()
		}
		pipe += middle.Sub(began)
		terminal += time.Since(middle)
	}
	n := float64(b.N * rounds)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(terminal.Microseconds())/n, "µs/exchange")
	results.add(b.Name(), "%.0f µs a question and answer\tthrough a pipe %.0f µs", float64(terminal.Microseconds())/n, float64(pipe.Microseconds())/n)
}

// echo answers every line.
func echo(from io.Reader, to io.Writer, answer []byte) {
	var buf [64]byte
	for {
		n, err := from.Read(buf[:])
		if err != nil {
			return
		}
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			if _, err := to.Write(answer); err != nil {
				return
			}
		}
	}
}

// BenchmarkReport measures the time from a stable weight to the server's record: what was measured is written to the
// counter's journal, durably, then signed and sent, and the server has stored it when it answers. The limit is the
// journal's write alone.
func BenchmarkReport(b *testing.B) {
	for engine, open := range map[string]func(*testing.B) *world{"postgres": onPostgres, "sqlite": onSQLite} {
		b.Run(engine, func(b *testing.B) { reportRun(b, open(b)) })
	}
}

func reportRun(b *testing.B, w *world) {
	b.Helper()
	g := newDoses(b, w, 1, w.serve(b))
	j, err := station.OpenJournal(b.Context(), filepath.Join(b.TempDir(), "journal.db"), g.windows[0].id, g.windows[0].key, station.Position{}, time.Now)
	check(b, err)
	b.Cleanup(func() { _ = j.Close() })
	var written, stored load
	for b.Loop() {
		for _, d := range g.next(b) {
			requests := d.overHTTP(b, g.cookies[0])
			wire := g.srv.wires(b, 1)[0]
			check(b, wire.do(requests[0], answers[0]))
			check(b, wire.do(requests[1], answers[1]))
			check(b, j.Arm(b.Context(), stationlog.Armed{Dispensing: d.id}, stationlog.Signed{Payload: []byte("order"), Signature: []byte("signature")}))
			check(b, j.Commit(b.Context(), stationlog.Dispensing{Dispensing: d.id, Volume: measure.Volume(poured), GrossBefore: 6_000_000}))
			began := time.Now()
			check(b, j.Measured(b.Context(), stationlog.Outcome{
				Dispensing: d.id, Pump: measure.Volume(poured), PumpKnown: true, GrossBefore: 6_000_000, GrossAfter: 6_000_000 + weighs, WeightKnown: true,
			}))
			journal := time.Since(began)
			check(b, wire.do(requests[2], answers[2]))
			whole := time.Since(began)
			written.add(load{took: journal, waits: []time.Duration{journal}})
			stored.add(load{took: whole, waits: []time.Duration{whole}})
			check(b, wire.do(requests[3], answers[3]))
			check(b, wire.do(requests[4], answers[4]))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(stored.percentile(50), "p50-ms")
	b.ReportMetric(stored.percentile(99), "p99-ms")
	results.add(b.Name(), "weight to record p50 %.1f ms  p99 %.1f ms\tof it the journal %.1f ms", stored.percentile(50), stored.percentile(99), written.percentile(50))
}
