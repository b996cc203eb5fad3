package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/queue"
)

const quarterHour = 15 * time.Minute

// ReadQueueFigures shows how long people wait today.
func (s *Server) ReadQueueFigures(ctx context.Context, _ gen.ReadQueueFiguresRequestObject) (gen.ReadQueueFiguresResponseObject, error) {
	c := principalOf(ctx).clinic
	day, err := s.today(ctx, c)
	if err != nil {
		return nil, err
	}
	tickets, err := s.queue.Tickets(ctx, c, day)
	if err != nil {
		return nil, err
	}
	out := figures(tickets, s.instant())
	out.Day = day.String()
	return gen.ReadQueueFigures200JSONResponse(out), nil
}

// waited is how long a patient waited before the window, or has waited until now.
func waited(t queue.Ticket, now calendar.Instant) time.Duration {
	until := now
	switch {
	case !t.AtWindowAt.IsZero():
		until = t.AtWindowAt
	case !t.DoneAt.IsZero():
		until = t.DoneAt
	}
	return max(until.Sub(t.ArrivedAt), 0)
}

// figures adds up a day's tickets as of now.
func figures(tickets []queue.Ticket, now calendar.Instant) gen.QueueFigures {
	var out gen.QueueFigures
	var waits, services []time.Duration
	var longest time.Duration
	for _, t := range tickets {
		switch {
		case t.State == queue.Arrived || t.State == queue.Called:
			out.Waiting++
			longest = max(longest, waited(t, now))
		case t.State == queue.Left:
			out.Left++
		case t.State == queue.Done:
			out.Served++
		}
		if t.AtWindowAt.IsZero() {
			continue
		}
		waits = append(waits, waited(t, now))
		if t.State == queue.Done {
			services = append(services, max(t.DoneAt.Sub(t.AtWindowAt), 0))
		}
	}
	out.LongestWaitS, out.MedianWaitS, out.P90WaitS = seconds(longest), seconds(quantile(waits, 50)), seconds(quantile(waits, 90))
	out.MedianServiceS = seconds(quantile(services, 50))
	out.ClearAt = clearAt(tickets, out.Waiting, now)
	out.Quarters = quarters(tickets, now)
	return out
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// quantile returns the value below which percent of the durations lie, by nearest rank; 0 for none.
func quantile(ds []time.Duration, percent int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	rank := (len(ds)*percent + 99) / 100
	return ds[max(rank, 1)-1]
}

// clearAt forecasts when those who wait now will be served, from the rate of the last half hour; zero when nobody waits
// or nobody was served in it.
func clearAt(tickets []queue.Ticket, waiting int, now calendar.Instant) time.Time {
	since := now.Add(-2 * quarterHour)
	served := 0
	for _, t := range tickets {
		if t.State == queue.Done && t.DoneAt > since {
			served++
		}
	}
	if waiting == 0 || served == 0 {
		return time.Time{}
	}
	return at(now.Add(2 * quarterHour * time.Duration(waiting) / time.Duration(served)))
}

// quarters divides the day, from the first arrival to now, into quarter hours.
func quarters(tickets []queue.Ticket, now calendar.Instant) []gen.QuarterFigures {
	out := []gen.QuarterFigures{}
	if len(tickets) == 0 {
		return out
	}
	first := slices.MinFunc(tickets, func(a, b queue.Ticket) int { return a.ArrivedAt.Time().Compare(b.ArrivedAt.Time()) }).ArrivedAt
	for from := calendar.At(first.Time().Truncate(quarterHour)); from <= now && len(out) < 24*4; from = from.Add(quarterHour) {
		out = append(out, quarter(tickets, from, now))
	}
	return out
}

func quarter(tickets []queue.Ticket, from, now calendar.Instant) gen.QuarterFigures {
	in := func(i calendar.Instant) bool { return !i.IsZero() && i >= from && i < from.Add(quarterHour) }
	q := gen.QuarterFigures{From: at(from)}
	var waits []time.Duration
	for _, t := range tickets {
		if in(t.ArrivedAt) {
			q.Arrived++
		}
		if t.State == queue.Done && in(t.DoneAt) {
			q.Served++
		}
		if in(t.AtWindowAt) {
			waits = append(waits, waited(t, now))
		}
	}
	q.MedianWaitS = seconds(quantile(waits, 50))
	return q
}
