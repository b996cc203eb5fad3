package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// A counter's shift begins and ends with a blind count by two people. The story tells the shifts of the last days before
// its first, as it does with the checks; from the first day on the clinic insists: a counter that was not counted gives no
// dose.

// countedBy are the two who count a counter's bottles.
func (ch *chapter) countedBy() []staff.Member {
	return []staff.Member{ch.team["nurse"], ch.team["pharmacist"]}
}

// insist has the clinic give no dose before the opening count.
func (ch *chapter) insist(ctx context.Context, d *desk) error {
	set := stock.DefaultSetting
	set.CountGate = true
	_, err := d.stock.PutSetting(ctx, ch.clinic.ID, ch.pair(), set)
	return err
}

// counted reports whether the story tells the shifts of a day.
func (ch *chapter) counted(day calendar.Day) bool { return day.Sub(ch.first) >= -checkedDays }

// openShifts begins the shift of every window, after it has ended those of earlier days that the living left open. A window
// whose old shift cannot be ended keeps it: people must look there first.
func (ch *chapter) openShifts(ctx context.Context, d *desk, day calendar.Day) error {
	known, err := d.stock.Sessions(ctx, ch.clinic.ID, day)
	if err != nil {
		return err
	}
	ch.shifts = slices.DeleteFunc(slices.Clone(known), func(ses stock.Session) bool { return ses.Day == day })
	if err := ch.closeShifts(ctx, d); err != nil {
		return err
	}
	for _, s := range ch.stalls {
		ses, err := ch.openShift(ctx, d, s, known, day)
		if err != nil {
			return fmt.Errorf("opening count of window %s: %w", s.Name, err)
		}
		if ses.ID != "" {
			ch.shifts = append(ch.shifts, ses)
		}
	}
	return nil
}

// openShift begins the next shift of a window's day, unless one is open. The zero Session when the window must wait for
// people.
func (ch *chapter) openShift(ctx context.Context, d *desk, s *stall, known []stock.Session, day calendar.Day) (stock.Session, error) {
	shift := 1
	for _, ses := range known {
		switch {
		case ses.Station != string(s.ID) || ses.Day != day:
		case ses.State == stock.Closed:
			shift = max(shift, ses.Shift+1)
		default:
			return ses, nil
		}
	}
	count := id.New[stock.CountID]()
	ses, err := d.stock.StartSession(ctx, stock.SessionStart{
		Clinic: ch.clinic.ID, ID: id.New[stock.SessionID](), Count: count, Station: string(s.ID), Shift: shift, By: ch.team["nurse"],
	})
	if fault.Is(err, fault.Conflict) {
		return stock.Session{}, nil
	}
	if err != nil {
		return ses, err
	}
	return ses, ch.count(ctx, d, s, count, 0)
}

// closeShifts ends the shifts that are open. What the count at the end of a day finds is not always what the book says.
func (ch *chapter) closeShifts(ctx context.Context, d *desk) error {
	if err := d.settle(ctx); err != nil {
		return err
	}
	for _, ses := range ch.shifts {
		if err := ch.closeShift(ctx, d, ses); err != nil {
			return fmt.Errorf("closing count of shift %s: %w", ses.ID, err)
		}
	}
	ch.shifts = nil
	return nil
}

// closeShift takes one shift from wherever it stands to its end. One that has a dose in doubt stays open.
func (ch *chapter) closeShift(ctx context.Context, d *desk, ses stock.Session) (err error) {
	s := ch.window(ses.Station)
	if ses, err = d.stock.Session(ctx, ch.clinic.ID, ses.ID); err != nil {
		return err
	}
	for err == nil && ses.State != stock.Closed && s != nil {
		if ses.State == stock.Reconciled {
			nurse := staff.Pair{By: ch.team["nurse"], Witness: ch.team["pharmacist"]}
			ses, err = d.stock.CloseSession(ctx, ch.clinic.ID, nurse, ses.ID)
			continue
		}
		was, count := ses.State, id.New[stock.CountID]()
		if ses, err = d.stock.CountAgain(ctx, ch.clinic.ID, ch.team["nurse"], ses.ID, count); err != nil {
			break
		}
		off := measure.Volume(0)
		if was != stock.OpeningCount {
			off = measure.Volume(ch.chance("count", ses.Station, ses.Day.String()).IntN(9)-5) * 100 * measure.Microlitre
		}
		if err = ch.count(ctx, d, s, count, off); err == nil {
			ses, err = d.stock.Session(ctx, ch.clinic.ID, ses.ID)
		}
	}
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// count has two people find the same in each bottle: what the book says, and off in the bottle under the pump.
func (ch *chapter) count(ctx context.Context, d *desk, s *stall, key stock.CountID, off measure.Volume) error {
	n, _, err := d.stock.Count(ctx, ch.clinic.ID, key)
	if err != nil {
		return err
	}
	var form []stock.Line
	for _, b := range n.Bottles {
		bottle, err := d.stock.Bottle(ctx, ch.clinic.ID, b)
		if err != nil {
			return err
		}
		line := stock.Line{Bottle: b, Method: stock.ByVolume, Volume: bottle.Balance[stock.InBottle]}
		if bottle.OpenedAt.IsZero() {
			line = stock.Line{Bottle: b, Method: stock.SealIntact}
		} else if string(b) == s.Bottle {
			line.Volume = max(0, line.Volume+off)
		}
		form = append(form, line)
	}
	for _, by := range ch.countedBy() {
		if n, err = d.stock.Enter(ctx, ch.clinic.ID, by, key, form); err != nil {
			return err
		}
	}
	if n.State == stock.Counted {
		_, err = d.stock.Settle(ctx, stock.Settlement{
			Clinic: ch.clinic.ID, Count: key, Pair: staff.Pair{By: ch.team["pharmacist"], Witness: ch.team["supervisor"]}, Reason: "Đong lại, đã tìm quanh quầy",
		})
		s.left += off
	}
	return err
}

// window is the window of that id; nil for one that is not the story's.
func (ch *chapter) window(station string) *stall {
	for _, s := range ch.stalls {
		if string(s.ID) == station {
			return s
		}
	}
	return nil
}
