package replay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// counter plays the counter of one window: it signs records as the daemon does, and delivers them one by one.
type counter struct {
	station string
	key     ed25519.PrivateKey
	api     *clinicapi.ClientWithResponses
	now     func() time.Time
	seq     int64
	prev    string
}

func newCounter(station, url string, now func() time.Time) (*counter, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	k := &counter{station: station, key: key, now: now, prev: stationlog.Genesis}
	k.api, err = clinicapi.NewClientWithResponses(url+"/v1",
		clinicapi.WithHTTPClient(&http.Client{Timeout: patience}), clinicapi.WithRequestEditorFn(k.authorise))
	return k, err
}

func (k *counter) public() ed25519.PublicKey { return ed25519.PublicKey(k.key[ed25519.SeedSize:]) }

// authorise signs a request.
func (k *counter) authorise(_ context.Context, r *http.Request) error {
	var body []byte
	if r.GetBody != nil {
		b, err := r.GetBody()
		if err != nil {
			return err
		}
		if body, err = io.ReadAll(b); err != nil {
			return err
		}
	}
	r.Header.Set("Authorization", stationlog.Authorization(k.station, r.Method, r.URL.RequestURI(), k.now(), body, k.key))
	return nil
}

// report signs the next record of the chain and delivers it.
func (k *counter) report(ctx context.Context, kind stationlog.Kind, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	signed, err := stationlog.Sign(stationlog.Record{
		Station: k.station, Seq: k.seq + 1, Prev: k.prev, Kind: kind, Occurred: k.now(), Body: text,
	}, k.key)
	if err != nil {
		return err
	}
	r, err := k.api.ReportEventsWithResponse(ctx, k.station, clinicapi.ReportEvents{
		Records: []clinicapi.SignedRecord{{Payload: signed.Payload, Signature: signed.Signature}},
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	accepted, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	k.seq++
	k.prev = signed.Hash()
	if accepted.Accepted != k.seq {
		return fmt.Errorf("report: record %d was accepted of %d", accepted.Accepted, k.seq)
	}
	return nil
}

// ready tells that the counter runs and its devices work.
func (k *counter) ready(ctx context.Context) error {
	if err := k.report(ctx, stationlog.KindStarted, stationlog.Started{Version: "replay"}); err != nil {
		return err
	}
	for _, kind := range []string{"pump", "scale"} {
		if err := k.report(ctx, stationlog.KindDevice, stationlog.Device{Kind: kind, State: "ready", Model: "sim"}); err != nil {
			return err
		}
	}
	return nil
}

// pours tells that the pump begins to move a dose.
func (k *counter) pours(ctx context.Context, dispensing string) error {
	return k.report(ctx, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: dispensing, Volume: volume, GrossBefore: cup})
}

// measures tells what pump and scale say of a dose: exactly what was ordered.
func (k *counter) measures(ctx context.Context, dispensing string, took time.Duration) error {
	liquid, err := density.Weight(volume)
	if err != nil {
		return err
	}
	return k.report(ctx, stationlog.KindMeasured, stationlog.Outcome{
		Dispensing: dispensing, Pump: volume, PumpKnown: true, GrossBefore: cup, GrossAfter: cup + liquid, WeightKnown: true, DurationMS: took.Milliseconds(),
	})
}
