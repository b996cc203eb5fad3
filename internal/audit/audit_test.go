package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
)

// The link is what PostgreSQL computes with sha256(prev || int8send(seq) || payload); the value was computed apart from
// this program, with sha256sum over the same bytes.
func TestHashOfKnownBytes(t *testing.T) {
	const want = "efdc0e2f8a22c30683385791552f8455b898f59e1aa4d1a6c77f0457bd1d5947"
	if got := hex.EncodeToString(audit.Hash(audit.Genesis, 1, []byte(`{"a":1}`))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(audit.Genesis) != sha256.Size || !bytes.Equal(audit.Genesis, make([]byte, sha256.Size)) {
		t.Error("the first event does not follow 32 zero bytes")
	}
}

// Any change of the event before, of the number or of one bit of the payload changes the link.
func TestHashDependsOnEveryBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prev := rapid.SliceOfN(rapid.Byte(), sha256.Size, sha256.Size).Draw(t, "prev")
		seq := rapid.Int64Range(1, 1<<62).Draw(t, "seq")
		payload := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "payload")
		link := audit.Hash(prev, seq, payload)
		if !bytes.Equal(link, audit.Hash(prev, seq, payload)) {
			t.Fatal("the same event, another link")
		}
		bit := rapid.IntRange(0, 7).Draw(t, "bit")
		flip := func(b []byte) []byte {
			c := slices.Clone(b)
			c[rapid.IntRange(0, len(c)-1).Draw(t, "byte")] ^= 1 << bit
			return c
		}
		for what, other := range map[string][]byte{
			"prev":    audit.Hash(flip(prev), seq, payload),
			"number":  audit.Hash(prev, seq+1, payload),
			"payload": audit.Hash(prev, seq, flip(payload)),
			"less":    audit.Hash(prev, seq, payload[:len(payload)-1]),
		} {
			if bytes.Equal(link, other) {
				t.Fatalf("another %s, the same link", what)
			}
		}
	})
}

func TestPayload(t *testing.T) {
	e := audit.Entry{
		Clinic: "c1", Recorded: calendar.Instant(1_773_129_600_000_001), Actor: audit.Actor{Kind: audit.ByStaff, ID: "s1"},
		Action: "hold.lift", Subject: "h1", Data: audit.Data(map[string]int{"b": 2, "a": 1}),
	}
	for name, tc := range map[string]struct {
		change func(*audit.Entry)
		want   string
	}{
		"alone": {
			func(*audit.Entry) {},
			`{"clinic":"c1","recorded":"2026-03-10T08:00:00.000001Z","actor":{"kind":"staff","id":"s1"},"action":"hold.lift","subject":"h1","data":{"a":1,"b":2}}`,
		},
		"with a witness": {
			func(e *audit.Entry) { e.Witness = "s2" },
			`{"clinic":"c1","recorded":"2026-03-10T08:00:00.000001Z","actor":{"kind":"staff","id":"s1"},"witness":"s2","action":"hold.lift","subject":"h1","data":{"a":1,"b":2}}`,
		},
		"without data": {
			func(e *audit.Entry) { e.Data, e.Actor = nil, audit.System },
			`{"clinic":"c1","recorded":"2026-03-10T08:00:00.000001Z","actor":{"kind":"system","id":"clinicd"},"action":"hold.lift","subject":"h1","data":null}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			changed := e
			tc.change(&changed)
			if got, err := changed.Payload(); err != nil || string(got) != tc.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
	e.Data = json.RawMessage("{")
	if got, err := e.Payload(); err == nil {
		t.Errorf("broken data is stored as %s", got)
	}
}

func TestDataPanicsOnWhatIsNotJSON(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	audit.Data(make(chan int))
}
