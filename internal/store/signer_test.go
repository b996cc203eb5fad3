package store

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// signer is a station's counter, as far as its records go.
type signer struct {
	station equipment.StationID
	key     ed25519.PrivateKey
	seq     int64
	prev    string
}

// newSigner enrols a station.
func newSigner(t testing.TB, s *Store, w world, station int) *signer {
	t.Helper()
	x := &signer{station: w.stations[station], prev: stationlog.Genesis}
	x.enrol(t, s, w)
	return x
}

// enrol gives the station a new key.
func (x *signer) enrol(t testing.TB, s *Store, w world) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	must(t, err)
	x.key = private
	must(t, s.Equipment().InTx(t.Context(), w.clinic, func(tx equipment.Tx) error {
		st, err := tx.LockStation(t.Context(), x.station)
		st.PublicKey = public
		return errors.Join(err, tx.UpdateStation(t.Context(), st))
	}))
}

func (x *signer) next(t testing.TB, kind stationlog.Kind) (stationlog.Record, stationlog.Signed) {
	t.Helper()
	return x.say(t, kind, stationlog.Started{Version: "1"})
}

// say makes the next record with a body.
func (x *signer) say(t testing.TB, kind stationlog.Kind, body any) (stationlog.Record, stationlog.Signed) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	r := stationlog.Record{Station: string(x.station), Seq: x.seq + 1, Prev: x.prev, Kind: kind, Occurred: eight.Time(), Body: text}
	signed, err := stationlog.Sign(r, x.key)
	must(t, err)
	x.seq, x.prev = r.Seq, signed.Hash()
	return r, signed
}

func (x *signer) append(t testing.TB, tx *Tx, kind stationlog.Kind) error {
	r, signed := x.next(t, kind)
	return tx.AppendRecord(t.Context(), r, signed, eight)
}

// wantFault fails the test unless err has this key.
func wantFault(t testing.TB, err error, key string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Key != key {
		t.Errorf("error %v, want %s", err, key)
	}
}
