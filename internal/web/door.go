package web

import (
	"slices"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// doorView is the check-in at the door. Patients stand in front of it: numbers, no names, no diagnosis.
type doorView struct {
	Waiting, Coming, Attended int
	Tickets                   []ticketView
	Result                    *doorResult
	Priorities                []string // reasons for the priority lane, as keys of their words
	Bench                     []benchCard
}

// priorities are the reasons that the law and the clinics know for going first.
var priorities = []string{"priority.pregnant", "priority.elderly", "priority.disabled", "priority.ill", "priority.child", "priority.other"}

// doorResult is the answer to one card.
type doorResult struct {
	Colour, Icon, Word string
	Number, Ahead      int
	Wait               string // until the call, "" when nobody knows
	Slot               string // that was booked and is kept to
	Closing            string // when the windows close before this patient's turn
	Rooms              []roomView
	Reasons            []reasonView
	Ticket             string
	Printers           []printerView // at which the ticket can be printed
}

// printerView is a window's counter that has a ticket printer.
type printerView struct {
	Station, Name string
	Trouble       string // what keeps it from printing, "" for nothing known
}

// printView is what became of a ticket's print.
type printView struct {
	ID, Station, Colour, Icon, Text string
	Open                            bool
}

// roomView is where somebody is found.
type roomView struct{ Role, Room string }

func showDoor(c *screen) error {
	v, err := c.door()
	if err != nil {
		return err
	}
	return c.render("door", "door", c.t("nav.check_in"), v)
}

func showDoorLists(c *screen) error {
	v, err := c.door()
	if err != nil {
		return err
	}
	return c.fragment("door", "lists", v)
}

func (c *screen) door() (doorView, error) {
	q, err := call[clinicapi.Queue](c.api.ReadQueue(c.r.Context()))
	if err != nil {
		return doorView{}, err
	}
	v := doorView{Waiting: len(q.Waiting), Coming: len(q.Coming), Attended: len(q.Attended), Tickets: c.tickets(q.Waiting), Priorities: priorities}
	for i, e := range q.Coming {
		if c.bench() && i < benchCards && e.Code != "" {
			v.Bench = append(v.Bench, benchCard{Text: e.Code, Label: e.Code})
		}
	}
	return v, nil
}

// checkIn turns a card into a ticket, and tells about a hold now instead of after an hour in the queue.
func checkIn(c *screen) error {
	f := c.form()
	code := f.need("code")
	if f.err != nil {
		return f.err
	}
	in, err := call[clinicapi.CheckedIn](c.api.CheckIn(c.r.Context(), clinicapi.CheckIn{Code: code, Priority: f.text("priority")}))
	if err != nil {
		return err
	}
	v, err := c.door()
	if err != nil {
		return err
	}
	v.Result = c.doorResult(in)
	v.Result.Ticket = in.Ticket.Id
	if v.Result.Printers, err = c.printers(); err != nil {
		return err
	}
	return c.fragment("door", "answer", v)
}

func (c *screen) doorResult(in clinicapi.CheckedIn) *doorResult {
	r := &doorResult{Number: in.Ticket.Number, Colour: "green", Word: c.t("door.welcome")}
	r.Reasons = c.reasons(in.Decision.Refusals)
	for _, note := range c.reasons(in.Decision.Notes) {
		if note.Severity != string(clinicapi.SeverityInformation) {
			r.Reasons = append(r.Reasons, note)
		}
	}
	for i := range r.Reasons {
		r.Reasons[i].Free, r.Reasons[i].Value, r.Reasons[i].Limit = "", "", ""
	}
	r.Ahead = in.Ahead
	if in.EstimateS != nil && in.Ahead > 0 {
		r.Wait = c.duration(*in.EstimateS)
	}
	if in.Ticket.OnTime {
		r.Slot = c.clock(in.Ticket.SlotAt)
	}
	if in.AfterClosing {
		r.Closing = c.clock(in.ClosesAt)
	}
	for _, room := range in.Rooms { // of those whom a reason sends the patient to
		if slices.ContainsFunc(in.Decision.Refusals, func(x clinicapi.Reason) bool { return slices.Contains(x.ClearedBy, room.Role) }) {
			r.Rooms = append(r.Rooms, roomView{c.known("role."+string(room.Role), ""), room.Room})
		}
	}
	switch {
	case !in.Decision.Allowed:
		r.Colour, r.Word = "red", c.t("door.see_staff")
	case len(r.Reasons) > 0:
		r.Colour, r.Word = "amber", c.t("door.note")
	}
	r.Icon = icons[r.Colour]
	return r
}

// ticketView is one line of a queue.
type ticketView struct {
	ID, State   string
	Number      int
	Name, Code  string
	Patient     string
	Minutes     int
	Long        bool // waited longer than anybody should
	Held        bool
	Priority    string
	OnTime      bool
	Skips       int
	Called      bool
	Station     string
	StationName string
	Status      tag
}

// longWait is when a waiting time stands out, in minutes.
const longWait = 30

func (c *screen) tickets(from []clinicapi.Ticket) []ticketView {
	out := make([]ticketView, 0, len(from))
	for _, t := range from {
		minutes := int(t.WaitedS / 60)
		out = append(out, ticketView{
			ID: t.Id, State: string(t.State), Number: t.Number, Name: t.PatientName, Code: t.PatientCode, Patient: t.Patient,
			Minutes: minutes, Long: minutes >= longWait, Held: t.Held, Priority: t.Priority, OnTime: t.OnTime, Skips: t.Skips,
			Called:  t.State == clinicapi.TicketStateCalled || t.State == clinicapi.TicketStateAtWindow,
			Station: t.Station, StationName: t.StationName, Status: c.tag("ticket", string(t.State)),
		})
	}
	return out
}

// ticketPrinter is the model of printers that print tickets.
const ticketPrinter = "esc-pos"

// printers are the counters that can print a ticket. Whoever may not see the windows prints nothing.
func (c *screen) printers() ([]printerView, error) {
	if !c.may("station.read") {
		return nil, nil
	}
	all, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return nil, err
	}
	var out []printerView
	for _, st := range all.Items {
		for _, d := range st.Devices {
			if d.Kind == clinicapi.DeviceKindPrinter && d.Model == ticketPrinter && st.Live.Connected {
				out = append(out, printerView{Station: st.Id, Name: st.Name, Trouble: c.known("live."+st.Live.Reading.Printer.Detail, "")})
			}
		}
	}
	return out, nil
}

// orderPrint prints the ticket on the counter's printer.
func orderPrint(c *screen) error {
	f := c.form()
	id, ticket, station := f.id(), f.need("ticket"), f.need("station")
	if f.err != nil {
		return f.err
	}
	p, err := call[clinicapi.Print](c.api.OrderPrint(c.r.Context(), station, clinicapi.OrderPrint{
		Id: id, Kind: clinicapi.OrderPrintKindTicket, Ticket: ticket, Language: clinicapi.Language(c.lang),
	}))
	if err != nil {
		return err
	}
	return c.fragment("door", "printed", c.printView(p))
}

// showPrint shows what became of it.
func showPrint(c *screen) error {
	p, err := call[clinicapi.Print](c.api.ReadPrint(c.r.Context(), c.r.PathValue("print")))
	if err != nil {
		return err
	}
	return c.fragment("door", "printed", c.printView(p))
}

func (c *screen) printView(p clinicapi.Print) printView {
	colours := map[clinicapi.PrintState]string{"printed": "green", "refused": "red", "unknown": "amber"}
	v := printView{ID: p.Id, Open: p.State == clinicapi.PrintStateOrdered, Colour: colours[p.State], Text: c.t("print." + string(p.State))}
	v.Icon = icons[v.Colour]
	if why := c.known("live."+p.Reason, ""); p.Reason != "" && why != "" {
		v.Text += " – " + why
	}
	return v
}
