package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/lieu-clinic/lieu/internal/replay"
	"github.com/lieu-clinic/lieu/internal/rush"
)

type simulateCommand struct {
	Patients int           `default:"300" help:"Patients of the morning."`
	Windows  int           `default:"2" help:"Windows that are open."`
	Arrivals string        `default:"front" enum:"uniform,front,booked" help:"How they come: uniform, front (many at the opening) or booked (at slots)."`
	Span     time.Duration `default:"3h" help:"During which they come."`
	Share    int           `default:"40" help:"With front: how many percent come within the first part."`
	First    time.Duration `default:"30m" help:"With front: how long the first part is."`
	Jitter   time.Duration `default:"5m" help:"With booked: how far from the booked time they come."`
	Service  time.Duration `default:"65s" help:"A patient's time at the window, on average."`
	Spread   int           `default:"30" help:"Its standard deviation in percent; 0 always the same, 100 exponential."`
	Seed     uint64        `default:"1" help:"The same number gives the same mornings."`
	Mornings int           `default:"200" help:"How many mornings the model runs."`
	History  int           `default:"3" help:"How many days the clinic of the replay remembers."`
	Model    bool          `help:"The model alone, without the replay through the real server and counters."`
	JSON     bool          `name:"json" help:"One JSON object instead of a table."`
}

// simulated is everything that was found; times are seconds.
type simulated struct {
	Setting rush.Setting      `json:"setting"`
	Load    float64           `json:"load"`
	Model   rush.Result       `json:"model"`
	Theory  []rush.Comparison `json:"theory"`
	Replay  *replay.Report    `json:"replay,omitempty"`
}

const mostMornings = 100_000

var errInterrupted = errors.New("interrupted; nothing is left behind")

// Run simulates a morning: many times in memory, against queueing theory, and once through the real server and counters.
func (s *simulateCommand) Run(ctx context.Context) error {
	err := s.run(ctx, os.Stdout, os.Stderr)
	if ctx.Err() != nil { // whatever was under way says so in its own words
		return errInterrupted
	}
	return err
}

func (s *simulateCommand) run(ctx context.Context, to, progress io.Writer) (err error) {
	if s.Mornings < 2 || s.Mornings > mostMornings {
		return fmt.Errorf("%d mornings: 2 to %d", s.Mornings, mostMornings)
	}
	out := simulated{Setting: rush.Setting{
		Patients: s.Patients, Windows: s.Windows, Arrivals: rush.Arrivals(s.Arrivals), Span: s.Span, Share: s.Share, First: s.First,
		Jitter: s.Jitter, Service: s.Service, Spread: s.Spread, Seed: s.Seed,
	}}
	if err := out.Setting.Validate(); err != nil {
		return err
	}
	out.Load = out.Setting.Load()
	if out.Model, err = out.Setting.Mornings(ctx, s.Mornings); err != nil {
		return err
	}
	if out.Theory, err = out.Setting.Against(ctx); err != nil {
		return err
	}
	if !s.Model {
		r, err := replay.Run(ctx, replay.Config{Setting: out.Setting, History: s.History, Now: time.Now, Progress: tell(progress)})
		if err != nil {
			return err
		}
		out.Replay = &r
	}
	if s.JSON {
		return json.NewEncoder(to).Encode(out)
	}
	out.print(to)
	return nil
}

// tell says what is being done.
func tell(to io.Writer) func(what string, done, of int) {
	last := ""
	return func(what string, done, of int) {
		if what != last {
			fmt.Fprintf(to, "replay: %s\n", what)
			last = what
		} else if of > 0 && done%100 == 0 && done > 0 {
			fmt.Fprintf(to, "replay: %s, %d of %d\n", what, done, of)
		}
	}
}

func (o simulated) print(to io.Writer) {
	fmt.Fprintf(to, "%d patients, %d windows, %s arrivals over %s, %s ± %d %% at the window: %.0f %% of the windows' time\n\n",
		o.Setting.Patients, o.Setting.Windows, o.Setting.Arrivals, o.Setting.Span, o.Setting.Service, o.Setting.Spread, 100*o.Load)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "wait to the window\tmedian\t90 %%\t95 %%\tlongest\tall served after\n")
	m := o.Model
	fmt.Fprintf(w, "model, mean of %d mornings\t%s\t%s\t%s\t%s\t%s\n", m.Mornings, about(m.Median), about(m.P90), about(m.P95), about(m.Longest), about(m.Clear))
	if r := o.Replay; r != nil {
		fmt.Fprintf(w, "one morning through server and counters\t%s\t%s\t%s\t%s\t%s\n", minutes(r.Wait.Median), minutes(r.Wait.P90), minutes(r.Wait.P95), minutes(r.Wait.Longest), minutes(r.Cleared))
	}
	_ = w.Flush() // to a terminal
	fmt.Fprintf(to, "\nagainst queueing theory, in the long run\n")
	w = tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, c := range o.Theory {
		word := "outside of"
		if c.Simulated.Within(c.Theory) {
			word = "within"
		}
		if c.Figure == "waited" {
			fmt.Fprintf(w, "%s\tload %.2f\tshare who wait\t%.4f ± %.4f\ttheory %.4f\t%s the interval\n", c.System, c.Load, c.Simulated.Mean, c.Simulated.Half, c.Theory, word)
			continue
		}
		fmt.Fprintf(w, "%s\tload %.2f\tmean wait\t%.2f ± %.2f s\ttheory %.2f s\t%s the interval\n", c.System, c.Load, c.Simulated.Mean, c.Simulated.Half, c.Theory, word)
	}
	_ = w.Flush() // to a terminal
	if r := o.Replay; r != nil {
		o.printReplay(to, *r)
	}
}

func (o simulated) printReplay(to io.Writer, r replay.Report) {
	fmt.Fprintf(to, "\nthe same morning through the real server and counters, in %s\n", r.Requests.Round(100*time.Millisecond))
	same := "every patient waited as in the model, to the microsecond"
	if !r.Same {
		same = "NOT the morning of the model"
	}
	fmt.Fprintf(to, "  %s\n  the supervisor's page was read %d times; it differed from what had happened %d times\n", same, r.Looks, len(r.Differs))
	for _, d := range r.Differs {
		fmt.Fprintf(to, "    %s\n", d)
	}
	fmt.Fprintf(to, "  the doses on record are %s, in the cups were %s; in one cup the two were %s apart at most\n",
		r.Recorded, r.InCups, r.Farthest)
	for _, f := range []struct {
		what string
		e    replay.Errors
	}{{"when everybody is served", r.Everybody}, {"when those who wait are served", r.Waiting}, {"the wait told at the door", r.Door}} {
		if f.e.N == 0 {
			continue
		}
		fmt.Fprintf(to, "  forecast of %s: off by %s on average, mostly too %s; at worst %s; %d forecasts\n",
			f.what, minutes(f.e.Absolute), side(f.e.Mean), minutes(f.e.Worst.Abs()), f.e.N)
	}
	if r.Unknown > 0 {
		fmt.Fprintf(to, "  at %d looks the page had no forecast yet and said so\n", r.Unknown)
	}
}

// side says to which side a forecast was off.
func side(d time.Duration) string {
	if d < 0 {
		return "early"
	}
	return "late"
}

func minutes(d time.Duration) string { return fmt.Sprintf("%.1f min", d.Minutes()) }

func about(e rush.Estimate) string {
	if math.IsInf(e.Half, 0) {
		return fmt.Sprintf("%.1f min", e.Mean/60)
	}
	return fmt.Sprintf("%.1f ± %.1f min", e.Mean/60, e.Half/60)
}
