package httpapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"sync"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Enrol trades a one-time code and a public key for the identity of a station. A counter that lost the answer asks again
// with the same key and gets it.
func (s *Server) Enrol(ctx context.Context, r gen.EnrolRequestObject) (gen.EnrolResponseObject, error) {
	if err := s.signIns.attempt("enrolment", clientAddress(ctx)); err != nil {
		return nil, err
	}
	st, done, err := s.enrolling(ctx, r.Body.Code, r.Body.PublicKey)
	if err != nil {
		return nil, err
	}
	if !done {
		if st, err = s.equipment.Enrol(ctx, st.ID, r.Body.Code, ed25519.PublicKey(r.Body.PublicKey)); err != nil {
			return nil, err
		}
		s.stations.forget(st.ID)
		s.hub.publish(clinicTopic(st.Clinic), "station", stationEvent{st.ID})
	}
	public, ok := s.key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fault.New(fault.Internal, "", "server key of another kind")
	}
	seq, hash := standing(st)
	return gen.Enrol200JSONResponse{
		StationId: gen.UUID(st.ID), ClinicId: gen.UUID(st.Clinic), Name: st.Name, ServerKey: public, Manual: st.Manual,
		Seq: seq, Hash: hash,
	}, nil
}

// standing is the end of a station's chain of events as received.
func standing(st equipment.Station) (seq int64, hash string) {
	if st.EventSeq == 0 {
		return 0, stationlog.Genesis
	}
	return st.EventSeq, string(st.EventHash)
}

// enrolling finds the station that a code was issued for; done is true for one that has this key already. A code names no
// station, so that a person types as little as possible; the service checks it again.
func (s *Server) enrolling(ctx context.Context, code string, key []byte) (st equipment.Station, done bool, err error) {
	clinics, err := s.clinics.Clinics(ctx)
	if err != nil {
		return equipment.Station{}, false, err
	}
	for _, c := range clinics {
		windows, err := s.equipment.Stations(ctx, c.ID)
		if err != nil {
			return equipment.Station{}, false, err
		}
		for _, w := range windows {
			if s.codes.Match(code, w.EnrolCode) {
				return w.Station, false, nil
			}
			if w.Active && len(key) == ed25519.PublicKeySize && bytes.Equal(w.PublicKey, key) {
				st, done = w.Station, true
			}
		}
	}
	if !done {
		err = fault.New(fault.Unauthorized, "station.wrong_code", "no station waits for this code")
	}
	return st, done, err
}

// ReadStanding says where the station's chain of records ends.
func (s *Server) ReadStanding(ctx context.Context, _ gen.ReadStandingRequestObject) (gen.ReadStandingResponseObject, error) {
	p := principalOf(ctx)
	w, err := s.equipment.Station(ctx, p.clinic, equipment.StationID(p.station))
	if err != nil {
		return nil, err
	}
	seq, hash := standing(w.Station)
	return gen.ReadStanding200JSONResponse{Seq: seq, Hash: hash}, nil
}

// ReportEvents stores a station's signed records.
func (s *Server) ReportEvents(ctx context.Context, r gen.ReportEventsRequestObject) (gen.ReportEventsResponseObject, error) {
	st, err := s.station(ctx, equipment.StationID(principalOf(ctx).station))
	if err != nil {
		return nil, err
	}
	records := each(r.Body.Records, func(in gen.SignedRecord) stationlog.Signed {
		return stationlog.Signed{Payload: in.Payload, Signature: in.Signature}
	})
	accepted, err := s.dispensing.Report(ctx, st, records)
	s.pass(st, records, accepted)
	if err != nil {
		return nil, err
	}
	return gen.ReportEvents200JSONResponse{Accepted: accepted}, nil
}

// pass shows the window's screen what was scanned, and that a device changed. Records that came before are passed over:
// what was scanned yesterday must not open a file today.
func (s *Server) pass(st equipment.Station, records []stationlog.Signed, accepted int64) {
	after := s.scans.advance(st.ID, st.EventSeq, accepted)
	for _, signed := range records {
		rec, err := signed.Open(ed25519.PublicKey(st.PublicKey))
		if err != nil || rec.Seq <= after || rec.Seq > accepted {
			continue
		}
		switch rec.Kind {
		case stationlog.KindScanned:
			var b stationlog.Scanned
			if rec.Decode(&b) == nil {
				s.hub.publish(stationTopic(st.ID), "scan", gen.Scan{
					Station: gen.UUID(st.ID), Text: b.Text, Symbology: b.Symbology, Kind: scanKind(b.Text), At: rec.Occurred.UTC(),
				})
			}
		case stationlog.KindPrintEnded:
			var b stationlog.PrintEnded
			if rec.Decode(&b) == nil && s.prints.end(st.ID, b) {
				s.hub.publish(stationTopic(st.ID), "print", printEvent{b.Print, string(b.Result)})
				s.hub.publish(clinicTopic(st.Clinic), "print", printEvent{b.Print, string(b.Result)})
			}
		case stationlog.KindDevice, stationlog.KindStarted:
			s.hub.publish(stationTopic(st.ID), "station", stationEvent{st.ID})
			s.hub.publish(clinicTopic(st.Clinic), "station", stationEvent{st.ID})
		}
	}
}

func scanKind(text string) gen.ScanKind {
	code, err := cardcode.Parse(text)
	if err != nil {
		return gen.ScanKindUnknown
	}
	switch code.Kind {
	case cardcode.Patient:
		return gen.ScanKindPatient
	case cardcode.Bottle:
		return gen.ScanKindBottle
	case cardcode.Staff:
		return gen.ScanKindStaff
	}
	return gen.ScanKindUnknown
}

// scanMarks remembers per station up to which record its scans were shown. It is safe for concurrent use.
type scanMarks struct {
	mu   sync.Mutex
	seen map[equipment.StationID]int64
}

func newScanMarks() *scanMarks { return &scanMarks{seen: map[equipment.StationID]int64{}} }

// advance moves the mark to accepted and returns where it was: known for a station not heard of before.
func (m *scanMarks) advance(st equipment.StationID, known, accepted int64) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := max(m.seen[st], known)
	if _, ok := m.seen[st]; ok {
		was = m.seen[st]
	}
	m.seen[st] = max(was, accepted)
	return was
}
