package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/pkg/protocol/escpos"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// A ticket that is ordered reaches the counter as a job for its printer, once however often it is ordered, and what the
// counter says became of it is what the door sees.
func TestTicketIsPrinted(t *testing.T) {
	s := newStage(t, 2)
	in := s.arrive(s.patients[0])
	path := "/v1/stations/" + s.counter.station + "/prints"
	want := gen.OrderPrint{Id: newID(), Kind: gen.OrderPrintKindTicket, Ticket: in.Ticket.Id, Language: "en"}
	s.nurse.refused("POST", path, want, http.StatusConflict, "print.no_printer")
	s.admin.mustDo("POST", "/v1/stations/"+s.counter.station+"/devices", gen.AddDevice{Id: newID(), Kind: gen.DeviceKindPrinter, Model: ticketPrinter}, nil)
	s.nurse.refused("POST", path, want, http.StatusConflict, "print.not_connected")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := openStream(t, s.counter.request("GET", "/v1/stations/"+s.counter.station+"/orders", nil).WithContext(ctx))
	var ordered, again gen.Print
	s.nurse.mustDo("POST", path, want, &ordered)
	require.EqualValues(t, printOrdered, ordered.State)
	order := nextOrder(t, lines, s.counter)
	require.Equal(t, stationlog.Print, order.Kind)
	require.Equal(t, want.Id, order.Print)
	require.InDelta(t, printLease.Milliseconds(), order.RemainingMS, 5000)
	job, err := stationlog.Unpack(order.Job)
	require.NoError(t, err)
	ticket, err := escpos.Read(job)
	require.NoError(t, err)
	require.NotEmpty(t, ticket.Items)

	s.nurse.mustDo("POST", path, want, &again)
	require.Equal(t, ordered.Id, again.Id)
	other := want
	other.Ticket = s.arrive(s.patients[1]).Ticket.Id
	s.nurse.refused("POST", path, other, http.StatusConflict, "print.other")
	s.foreigner().refused("GET", "/v1/prints/"+want.Id, nil, http.StatusNotFound, "print.not_found")

	s.counter.report(stationlog.KindPrinting, stationlog.Printing{Print: want.Id, Job: stationlog.JobHash(job)})
	s.nurse.mustDo("GET", "/v1/prints/"+want.Id, nil, &again)
	require.EqualValues(t, printOrdered, again.State)
	s.counter.report(stationlog.KindPrintEnded, stationlog.PrintEnded{Print: want.Id, Result: stationlog.PrintRefused, Reason: "paper_out"})
	s.nurse.mustDo("GET", "/v1/prints/"+want.Id, nil, &again)
	require.EqualValues(t, stationlog.PrintRefused, again.State)
	require.Equal(t, "paper_out", again.Reason)
	s.counter.report(stationlog.KindPrintEnded, stationlog.PrintEnded{Print: want.Id, Result: stationlog.PrintDone})
	s.nurse.mustDo("GET", "/v1/prints/"+want.Id, nil, &again)
	require.EqualValues(t, stationlog.PrintRefused, again.State, "the first word counts")
	s.nurse.refused("GET", "/v1/prints/"+newID(), nil, http.StatusNotFound, "print.not_found")
}

func TestPrintsInTime(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	p := newPrints()
	for i, id := range []string{"a", "b"} {
		_, isNew := p.add(printed{id: id, clinic: "c", station: "st", ordered: start.Add(time.Duration(i) * time.Second)})
		require.True(t, isNew)
	}
	_, isNew := p.add(printed{id: "a", clinic: "c", station: "st", ordered: start})
	require.False(t, isNew)
	require.Len(t, p.standing("st", start), 2)
	require.Empty(t, p.standing("other", start))
	require.Equal(t, "b", p.standing("st", start.Add(printLease))[0].id, "an order stands for its lease and no longer")
	require.False(t, p.end("other", stationlog.PrintEnded{Print: "a", Result: stationlog.PrintDone}), "another station's word")
	for after, state := range map[time.Duration]string{printPast: printOrdered, printPast + 1: printUnknown} {
		got, ok := p.of("c", "a", start.Add(after))
		require.True(t, ok)
		require.Equal(t, state, got.state)
	}
	require.True(t, p.end("st", stationlog.PrintEnded{Print: "a", Result: stationlog.PrintUnknown, Reason: "crash"}), "a late word is believed")
	p.add(printed{id: "d", clinic: "c", station: "st", ordered: start.Add(printKept + 2*time.Second)})
	_, ok := p.of("c", "b", start)
	require.False(t, ok, "what nobody asks for any more is forgotten")
}
