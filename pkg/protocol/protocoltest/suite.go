// Package protocoltest is the contract of a codec: what it encodes it decodes, however the line cuts it; what a line does
// to bytes never makes a value that was not sent; and reading does not allocate.
package protocoltest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Framer cuts a stream into frames. A frame is valid until the next call.
type Framer interface {
	Sync()
	Lose()
	Next(chunk []byte) (frame, rest []byte, ok bool)
}

// Codec is one codec under test.
type Codec[M comparable] struct {
	Framer func() Framer
	Decode func(frame []byte) (M, error)
	Append func(dst []byte, m M) ([]byte, error)
	// Draw makes any message that can be encoded.
	Draw func(t *rapid.T) M
	// Value is the weight or amount that m carries, in all its parts; nil when it carries none.
	Value func(m M) any
	// Reading is frames with values, for what must not allocate.
	Reading string
}

// Test runs the suite.
func (c Codec[M]) Test(t *testing.T) {
	t.Run("messages survive any chunking", c.chunking)
	t.Run("garbage never makes a value", c.garbage)
	t.Run("a lost start never makes a value", c.lostStart)
	t.Run("reading does not allocate", c.allocations)
}

// Fuzz checks that chunks do not matter, that nothing stands beside an error, and that what decodes encodes.
func (c Codec[M]) Fuzz(f *testing.F, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		frames := c.frames(c.synced(), [][]byte{in})
		pieces := slices.Collect(slices.Chunk(in, 1+(size&0x7fff)%64))
		if again := c.frames(c.synced(), pieces); !slices.EqualFunc(frames, again, slices.Equal) {
			t.Fatalf("whole %q, in pieces %q", frames, again)
		}
		for _, frame := range frames {
			c.canonical(t, frame)
		}
	})
}

// canonical: a decoded message encodes to a frame that means the same. What cannot be encoded carries no value, or one
// that is printed in a form which the encoder does not use; it still reads back as itself.
func (c Codec[M]) canonical(t *testing.T, frame []byte) {
	t.Helper()
	var none M
	m, err := c.Decode(frame)
	if err != nil {
		if m != none {
			t.Fatalf("%q: %+v beside the error %v", frame, m, err)
		}
		return
	}
	if m == none {
		t.Fatalf("%q is a message, and the zero one", frame)
	}
	b, err := c.Append(nil, m)
	if err != nil {
		return
	}
	for _, again := range c.frames(c.synced(), [][]byte{b}) {
		if back, err := c.Decode(again); err != nil || back != m {
			t.Fatalf("%q is %+v, again %q is %+v, %v", frame, m, again, back, err)
		}
	}
}

func (c Codec[M]) synced() Framer {
	f := c.Framer()
	f.Sync()
	return f
}

// frames are copies of what f cuts from the chunks.
func (c Codec[M]) frames(f Framer, chunks [][]byte) (all [][]byte) {
	for _, chunk := range chunks {
		for {
			frame, rest, ok := f.Next(chunk)
			if !ok {
				break
			}
			all, chunk = append(all, slices.Clone(frame)), rest
		}
	}
	return all
}

func (c Codec[M]) encode(t *rapid.T, m M) []byte {
	b, err := c.Append(nil, m)
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	return b
}

func cut(t *rapid.T, b []byte) (all [][]byte) {
	for len(b) > 0 {
		n := rapid.IntRange(1, len(b)).Draw(t, "chunk")
		all, b = append(all, b[:n]), b[n:]
	}
	return all
}

func (c Codec[M]) chunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(c.Draw), 1, 6).Draw(t, "messages")
		var stream []byte
		for _, m := range sent {
			stream = append(stream, c.encode(t, m)...)
		}
		var got []M
		for _, frame := range c.frames(c.synced(), cut(t, stream)) {
			m, err := c.Decode(frame)
			if err != nil {
				t.Fatalf("%q: %v", frame, err)
			}
			got = append(got, m)
		}
		if !slices.Equal(sent, got) {
			t.Fatalf("sent %+v, got %+v", sent, got)
		}
	})
}

// The noise is what a line does to bytes: high bits, control characters, halves of real frames.
func (c Codec[M]) garbage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		sent := map[any]bool{nil: true}
		for range rapid.IntRange(1, 5).Draw(t, "count") {
			stream = append(stream, rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "noise")...)
			if rapid.Bool().Draw(t, "half") {
				m := c.Draw(t)
				half := c.encode(t, m)
				sent[c.Value(m)] = true // noise that begins with the end of a frame can complete it
				stream = append(stream, half[:rapid.IntRange(0, len(half)-1).Draw(t, "cut")]...)
			}
			m := c.Draw(t)
			sent[c.Value(m)] = true
			stream = append(stream, c.encode(t, m)...)
		}
		for _, frame := range c.frames(c.Framer(), cut(t, stream)) {
			if m, err := c.Decode(frame); err == nil && !sent[c.Value(m)] {
				t.Fatalf("%q became %+v", frame, m)
			}
		}
	})
}

// What is left of a frame whose start was lost is nothing, and what follows it is whole.
func (c Codec[M]) lostStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := c.Draw(t), c.Draw(t)
		b := c.encode(t, first)
		stream := slices.Concat(b[rapid.IntRange(1, len(b)-1).Draw(t, "lost"):], c.encode(t, second))
		frames := c.frames(c.Framer(), cut(t, stream))
		if len(frames) != 1 {
			t.Fatalf("%q was cut into %q", stream, frames)
		}
		if m, err := c.Decode(frames[0]); err != nil || m != second {
			t.Fatalf("%q: %+v, %v", frames[0], m, err)
		}
	})
}

func (c Codec[M]) allocations(t *testing.T) {
	stream, f := []byte(c.Reading), c.synced()
	read := 0
	allocs := testing.AllocsPerRun(100, func() {
		for b := stream; ; read++ {
			frame, rest, ok := f.Next(b)
			if !ok {
				return
			}
			b = rest
			if _, err := c.Decode(frame); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs != 0 || read == 0 {
		t.Errorf("%v allocations, %d frames read", allocs, read)
	}
}
