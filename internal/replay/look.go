package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/rush"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// look is the supervisor's page at one time, and who waited then.
type look struct {
	at      time.Duration
	page    clinicapi.Morning
	waiting []int // people
	differs []string
}

// Look implements rush.Watcher: it reads the page and holds it against the log.
func (f *floor) Look(ctx context.Context, at time.Duration, visits []rush.Visit) error {
	f.at(at)
	r, err := f.supervisor.ReadMorningWithResponse(ctx)
	if err != nil {
		return fmt.Errorf("the supervisor's page at %s: %w", at, err)
	}
	page, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return fmt.Errorf("the supervisor's page at %s: %w", at, err)
	}
	l := look{at: at, page: *page, differs: differences(*page, rush.Snap(visits, at), len(f.patients))}
	for i, v := range visits {
		if v.Reached == rush.Arrived || v.Reached == rush.Called {
			l.waiting = append(l.waiting, i)
		}
	}
	f.looks = append(f.looks, l)
	return nil
}

// differences lists what the page shows otherwise than the log has it; nil when it shows the truth, cut to whole seconds.
func differences(page clinicapi.Morning, truth rush.Snapshot, people int) (out []string) {
	whole := func(d time.Duration) int64 { return int64(d / time.Second) }
	for _, one := range []struct {
		what      string
		page, log int64
	}{
		{"waiting", int64(page.Waiting), int64(truth.Waiting)},
		{"at a window", int64(page.AtWindow), int64(truth.AtWindow)},
		{"served", int64(page.Served), int64(truth.Served)},
		{"still to come", int64(page.Coming), int64(people - truth.Waiting - truth.AtWindow - truth.Served)},
		{"gone unseen", int64(page.Away), 0},
		{"longest wait", page.LongestS, whole(truth.Longest)},
		{"waits counted", int64(page.Wait.N), int64(truth.Wait.N)},
		{"median wait", page.Wait.MedianS, whole(truth.Wait.Median)},
		{"p90 wait", page.Wait.P90S, whole(truth.Wait.P90)},
		{"median service", page.Service.MedianS, whole(truth.Service.Median)},
		{"p90 service", page.Service.P90S, whole(truth.Service.P90)},
		{"median visit", page.Visit.MedianS, whole(truth.Whole.Median)},
		{"p90 visit", page.Visit.P90S, whole(truth.Whole.P90)},
	} {
		if one.page != one.log {
			out = append(out, fmt.Sprintf("%s: the page says %d, the log %d", one.what, one.page, one.log))
		}
	}
	return out
}

// forecast is the page's forecast for the windows that serve, from the opening on; all is 0 when it is not known.
func (l look) forecast(opening calendar.Instant) (waiting, all time.Duration, known bool) {
	i := slices.IndexFunc(l.page.Forecasts, func(x clinicapi.Forecast) bool { return x.Windows == l.page.Serving })
	if i < 0 || !l.page.Forecasts[i].Known {
		return 0, 0, false
	}
	one := l.page.Forecasts[i]
	if !one.AllAt.IsZero() {
		all = calendar.At(one.AllAt).Sub(opening)
	}
	return calendar.At(one.WaitingAt).Sub(opening), all, true
}
