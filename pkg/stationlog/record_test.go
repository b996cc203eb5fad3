package stationlog

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(b), ed25519.SeedSize)))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func record(seq int64, prev string) Record {
	return Record{
		Station: "s1", Seq: seq, Prev: prev, Kind: KindScanned, Body: json.RawMessage(`{"text":"A1"}`),
		Occurred: time.Date(2026, 3, 1, 8, 0, 0, 123456789, time.FixedZone("", 7*3600)),
	}
}

func TestRecordTravelsAsItWasSigned(t *testing.T) {
	key := testKey('a')
	first, err := Sign(record(1, Genesis), key)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var got Signed
	if err := json.Unmarshal(wire, &got); err != nil {
		t.Fatal(err)
	}
	r, err := got.Open(public(key))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 3, 1, 1, 0, 0, 123456000, time.UTC); !r.Occurred.Equal(want) {
		t.Errorf("occurred %s, want %s", r.Occurred, want)
	}
	second, err := Sign(record(2, got.Hash()), key)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := second.Open(public(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := r2.Follows(r.Seq, got.Hash()); err != nil {
		t.Error(err)
	}
	if err := r2.Follows(0, Genesis); !errors.Is(err, ErrGap) {
		t.Errorf("a record after nothing: %v", err)
	}
	if err := r2.Follows(1, Genesis); !errors.Is(err, ErrChain) {
		t.Errorf("a record after another one: %v", err)
	}
}

func TestRecordIsRefused(t *testing.T) {
	key := testKey('a')
	good, err := Sign(record(1, Genesis), key)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(payload string) Signed {
		return Signed{Payload: []byte(payload), Signature: ed25519.Sign(key, []byte(payload))}
	}
	for name, tc := range map[string]struct {
		s    Signed
		key  ed25519.PublicKey
		want error
	}{
		"another key":         {good, public(testKey('b')), ErrSignature},
		"no key":              {good, nil, ErrSignature},
		"one byte changed":    {Signed{append([]byte(" "), good.Payload...), good.Signature}, public(key), ErrSignature},
		"too long":            {sign(strings.Repeat(" ", MaxPayload+1)), public(key), ErrMalformed},
		"not JSON":            {sign("{"), public(key), ErrMalformed},
		"unknown field":       {sign(strings.Replace(string(good.Payload), `"seq"`, `"extra":1,"seq"`, 1)), public(key), ErrMalformed},
		"something follows":   {sign(string(good.Payload) + "{}"), public(key), ErrMalformed},
		"a brace follows":     {sign(string(good.Payload) + "}"), public(key), ErrMalformed},
		"number 0":            {sign(strings.Replace(string(good.Payload), `"seq":1`, `"seq":0`, 1)), public(key), ErrMalformed},
		"short previous hash": {sign(strings.Replace(string(good.Payload), Genesis, Genesis[1:], 1)), public(key), ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tc.s.Open(tc.key); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestBodyIsReadStrictly(t *testing.T) {
	r := record(1, Genesis)
	var s Scanned
	if err := r.Decode(&s); err != nil || s.Text != "A1" {
		t.Errorf("got %+v, %v", s, err)
	}
	var a Armed
	if err := r.Decode(&a); !errors.Is(err, ErrMalformed) {
		t.Errorf("a scan was read as an arming: %v", err)
	}
}

func TestOrderIsForOneStation(t *testing.T) {
	key := testKey('s')
	order := Order{Kind: Pour, Station: "s1", Dispensing: "d1", Volume: 6000, Density: 1_060_000, RemainingMS: 30_000}
	sign := func(change func(*Order)) Signed {
		o := order
		change(&o)
		s, err := SignOrder(o, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := sign(func(*Order) {})
	if got, err := good.OpenOrder(public(key), "s1"); err != nil || !reflect.DeepEqual(got, order) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := good.OpenOrder(public(testKey('x')), "s1"); !errors.Is(err, ErrSignature) {
		t.Errorf("an order of somebody else: %v", err)
	}
	for name, s := range map[string]Signed{
		"another station": sign(func(o *Order) { o.Station = "s2" }),
		"nothing to pour": sign(func(o *Order) { o.Volume = 0 }),
		"less than that":  sign(func(o *Order) { o.Volume = -1 }),
		"no dispensing":   sign(func(o *Order) { o.Dispensing = "" }),
		"unknown kind":    sign(func(o *Order) { o.Kind = "rinse" }),
	} {
		if _, err := s.OpenOrder(public(key), "s1"); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cancel := sign(func(o *Order) { o.Kind, o.Volume = Cancel, 0 })
	if _, err := cancel.OpenOrder(public(key), "s1"); err != nil {
		t.Errorf("a cancel needs no volume: %v", err)
	}
}

// FuzzOpen feeds records that carry a good signature, so that the reading itself is reached, and checks that what was
// read and is signed again reads the same.
func FuzzOpen(f *testing.F) {
	key := testKey('a')
	good, err := Sign(record(1, Genesis), key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Payload)
	f.Add([]byte(`{"station":"s","seq":1,"prev":"` + Genesis + `","kind":"armed","occurred":"2026-01-01T00:00:00Z","body":null}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := Signed{Payload: payload, Signature: ed25519.Sign(key, payload)}
		r, err := s.Open(public(key))
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("a signed record is refused with %v", err)
			}
			return
		}
		again, err := Sign(r, key)
		if err != nil {
			return // a time JSON cannot write
		}
		if len(again.Payload) > MaxPayload {
			return
		}
		r2, err := again.Open(public(key))
		if err != nil || r2.Seq != r.Seq || r2.Prev != r.Prev || r2.Kind != r.Kind || r2.Station != r.Station {
			t.Fatalf("%+v was read again as %+v, %v", r, r2, err)
		}
	})
}

func FuzzOpenOrder(f *testing.F) {
	key := testKey('s')
	f.Add([]byte(`{"kind":"pour","station":"s1","dispensing":"d","volume_ul":1}`))
	f.Add([]byte(`{"kind":"cancel","station":"s1","dispensing":"d"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := Signed{Payload: payload, Signature: ed25519.Sign(key, payload)}
		o, err := s.OpenOrder(public(key), "s1")
		if err == nil && (o.Station != "s1" || o.Dispensing == "" || (o.Kind == Pour && o.Volume <= 0)) {
			t.Fatalf("accepted %+v", o)
		}
	})
}
