package web

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// paperPage is one paper in full: before it is signed, so that nobody signs what they did not read, and after.
type paperPage struct {
	ID, Kind, When, Happened, By, Witness, Reason, Party, Number string
	State                                                        *tag
	Late, Draft, Signed, Posted, Editable, Delivery              bool
	Supervised                                                   bool // one of the two who sign is a supervisor
	SignedBy, Copies, PartyWord, NumberWord                      string
	Facts                                                        []fact
	Bottles                                                      []paperBottle
	Moves                                                        []moveRow
	Options                                                      []option // the moves that a reversal may answer
	Signers                                                      []option
}

type fact struct{ Text, Value, Href string }

// paperBottle is one bottle of a paper that names several.
type paperBottle struct {
	No                                       int
	ID, Code, Scanned, Label, Measured, Tare string
	Finding                                  string
}

func showPaper(c *screen) error {
	key := c.r.PathValue("id")
	d, err := call[clinicapi.Draft](c.api.ReadDraft(c.r.Context(), key))
	written := err == nil
	if err != nil && !is(err, clinicapi.ProblemCodeNotFound) {
		return err
	}
	v := paperPage{ID: key}
	says := map[string]any{}
	if written {
		c.drafted(&v, d)
		if says, err = asMap(d.Paper); err != nil {
			return err
		}
	}
	if !written || d.State == clinicapi.DraftStatePosted {
		doc, err := call[clinicapi.DocumentDetail](c.api.ReadDocument(c.r.Context(), key))
		if err != nil {
			return err
		}
		c.posted(&v, doc)
		maps.Copy(says, doc.Document.Data)
	}
	c.tell(&v, says)
	v.PartyWord, v.NumberWord = c.t("papers.party"), c.t("field.document")
	if kind := d.Kind; kind == clinicapi.DraftKind("break") || kind == clinicapi.DraftKind("destroy") {
		v.PartyWord, v.NumberWord = c.t("field.council"), c.t("field.letter")
	}
	return c.render("paper", "", v.Kind, v)
}

func asMap(p clinicapi.DraftPaper) (out map[string]any, err error) {
	raw, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	return out, err
}

func (c *screen) drafted(v *paperPage, d clinicapi.Draft) {
	state := c.tag("draft", string(d.State))
	v.State, v.Kind, v.When, v.By, v.Reason = &state, c.known("paper."+string(d.Kind), string(d.Kind)), c.moment(d.MadeAt), d.MadeBy, d.Reason
	v.Party, v.Number, v.Late, v.Happened, v.SignedBy = d.Paper.Party, d.Paper.Number, d.Late, c.moment(d.OccurredAt), d.SignedBy
	v.Signed = d.State == clinicapi.DraftStateSigned
	v.Draft = v.Signed || d.State == clinicapi.DraftStateDraft
	v.Delivery = d.Kind == clinicapi.DraftKind("receipt")
	v.Supervised = d.Kind == clinicapi.DraftKind("waste") || d.Kind == clinicapi.DraftKind("empty")
	v.Editable = v.Delivery && d.State == clinicapi.DraftStateDraft && c.may("stock.manage")
}

func (c *screen) posted(v *paperPage, x clinicapi.DocumentDetail) {
	d := x.Document
	v.Posted, v.Kind, v.When, v.By, v.Witness, v.Reason = true, c.known("paper."+string(d.Kind), string(d.Kind)), c.moment(d.OccurredAt), d.By, d.Witness, d.Reason
	v.Party, v.Number, v.Delivery = d.Party, d.Number, d.Kind == clinicapi.DocumentKind("receipt")
	v.Signers = []option{{d.By, c.t("papers.by")}}
	if d.Witness != "" {
		v.Signers = append(v.Signers, option{d.Witness, c.t("papers.witness")})
	}
	if v.Delivery || d.Kind == clinicapi.DocumentKind("abnormal") {
		v.Signers = append(v.Signers, option{d.Party, c.t("field.giver")}, option{"", c.t("papers.head")})
	}
	for _, m := range x.Moves {
		row := moveRow{
			When: c.moment(m.OccurredAt), From: c.known("account."+string(m.From), string(m.From)), To: c.known("account."+string(m.To), string(m.To)),
			Amount: c.volume(m.AmountUl), FromAfter: c.volume(m.FromAfterUl), ToAfter: c.volume(m.ToAfterUl), Reason: c.known("move."+m.Reason, m.Reason),
		}
		v.Moves = append(v.Moves, row)
		if m.Reverses == "" {
			v.Options = append(v.Options, option{m.Id, row.Amount + " · " + row.From + " → " + row.To})
		}
	}
}

// told are the things that papers say, in the order in which a reader looks for them, with how each is shown.
var told = []struct {
	keys  []string // in a draft, in a document
	label string
	show  func(c *screen, v any) fact
}{
	{[]string{"lot"}, "dose.lot", (*screen).factLot},
	{[]string{"funding"}, "field.funding", (*screen).factText},
	{[]string{"copies"}, "field.copies", (*screen).factNumber},
	{[]string{"station"}, "field.station", (*screen).factStation},
	{[]string{"bottle", "in"}, "papers.code", (*screen).factBottle},
	{[]string{"out"}, "papers.out", (*screen).factBottle},
	{[]string{"from"}, "stock.from", (*screen).factPlace},
	{[]string{"to"}, "stock.to", (*screen).factPlace},
	{[]string{"into"}, "field.into", (*screen).factBottle},
	{[]string{"account"}, "papers.what", (*screen).factAccount},
	{[]string{"amount_ul"}, "field.amount", (*screen).factVolume},
	{[]string{"gross_weight_ug", "gross_ug", "in_gross_ug"}, "field.gross", (*screen).factWeight},
	{[]string{"out_gross_weight_ug", "out_gross_ug"}, "field.out_gross", (*screen).factWeight},
	{[]string{"found_ul"}, "field.rest", (*screen).factVolume},
	{[]string{"unread"}, "field.unread", (*screen).factText},
	{[]string{"tare_weight_ug", "tare_ug"}, "field.tare", (*screen).factWeight},
	{[]string{"passed_over"}, "papers.passed_over", (*screen).factText},
	{[]string{"book_ul"}, "count.book", (*screen).factVolume},
	{[]string{"counted_ul"}, "count.result", (*screen).factVolume},
	{[]string{"parts"}, "variance.parts", (*screen).factParts},
	{[]string{"began"}, "variance.began", (*screen).factMoment},
	{[]string{"document"}, "papers.beside", (*screen).factPaper},
}

// tell fills in what a paper says, as its draft or its document has it.
func (c *screen) tell(v *paperPage, says map[string]any) {
	for _, x := range told {
		for _, key := range x.keys {
			said, ok := says[key]
			if !ok || said == "" || said == 0.0 && key != "found_ul" && key != "counted_ul" && key != "book_ul" {
				continue
			}
			f := x.show(c, said)
			f.Text = c.t(x.label)
			if f.Value != "" {
				v.Facts = append(v.Facts, f)
			}
			break
		}
	}
	if n, ok := says["copies"].(float64); ok && v.Delivery && n > 0 {
		v.Copies = c.n("papers.copies", int(n))
	}
	for _, key := range []string{"items", "bottles", "bottles_stopped"} {
		list, _ := says[key].([]any)
		if len(list) == 0 {
			continue
		}
		v.Bottles = nil
		for i, x := range list {
			v.Bottles = append(v.Bottles, c.paperBottle(i+1, x, v.Posted))
		}
	}
}

// paperBottle shows a bottle that a paper names by its id, or delivers.
func (c *screen) paperBottle(no int, x any, here bool) paperBottle {
	b := paperBottle{No: no}
	if id, ok := x.(string); ok {
		b.ID, here = id, true
	}
	if in, ok := x.(map[string]any); ok {
		text := func(keys ...string) string {
			for _, k := range keys {
				if s, ok := in[k].(string); ok && s != "" {
					return s
				}
			}
			return ""
		}
		number := func(keys ...string) int64 {
			for _, k := range keys {
				if n, ok := in[k].(float64); ok && n != 0 {
					return int64(n)
				}
			}
			return 0
		}
		b.ID, b.Scanned, b.Finding = text("id", "bottle"), text("scanned"), text("finding")
		b.Label = c.volume(number("label_volume_ul", "label_ul"))
		b.Measured, b.Tare = c.editable(c.volume(number("measured_ul"))), c.editable(c.weight(number("tare_weight_ug", "tare_ug")))
	}
	if !here {
		return b
	}
	if found, err := call[clinicapi.Bottle](c.api.ReadBottle(c.r.Context(), b.ID)); err == nil {
		b.Code = found.Code
	}
	return b
}

// editable is a quantity as it is typed into a field: without its unit, without marks between thousands, nothing for 0.
func (c *screen) editable(shown string) string {
	number, _, _ := strings.Cut(shown, " ")
	group := ","
	if c.locale == measure.Vietnamese {
		group = "."
	}
	if number = strings.ReplaceAll(number, group, ""); strings.Trim(number, "0.,") == "" {
		return ""
	}
	return number
}

func (c *screen) factText(v any) fact { s, _ := v.(string); return fact{Value: s} }

func (c *screen) factNumber(v any) fact { return fact{Value: fmt.Sprint(v)} }

func (c *screen) factVolume(v any) fact { n, _ := v.(float64); return fact{Value: c.volume(int64(n))} }

func (c *screen) factWeight(v any) fact { n, _ := v.(float64); return fact{Value: c.weight(int64(n))} }

func (c *screen) factAccount(v any) fact { return fact{Value: c.known("account."+fmt.Sprint(v), "")} }

func (c *screen) factPaper(v any) fact {
	return fact{Value: c.t("variance.paper"), Href: "/stock/papers/" + fmt.Sprint(v)}
}

func (c *screen) factMoment(v any) fact {
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
	if err != nil {
		return fact{}
	}
	return fact{Value: c.moment(at)}
}

// factPlace is a place, or the bottle that something was poured from.
func (c *screen) factPlace(v any) fact {
	if place := c.known("place."+fmt.Sprint(v), ""); place != "" {
		return fact{Value: place}
	}
	return c.factBottle(v)
}

func (c *screen) factBottle(v any) fact {
	b, err := call[clinicapi.Bottle](c.api.ReadBottle(c.r.Context(), fmt.Sprint(v)))
	if err != nil {
		return fact{}
	}
	return fact{Value: b.Code + " · " + b.LotNumber, Href: "/stock/bottles/" + b.Id}
}

func (c *screen) factLot(v any) fact {
	lots, err := call[clinicapi.LotList](c.api.ListLots(c.r.Context()))
	if err != nil {
		return fact{}
	}
	for _, l := range lots.Items {
		if l.Id == v {
			return fact{Value: l.Number + " · " + c.day(l.Expiry)}
		}
	}
	return fact{}
}

func (c *screen) factStation(v any) fact {
	stations, err := call[clinicapi.StationList](c.api.ListStations(c.r.Context()))
	if err != nil {
		return fact{}
	}
	for _, s := range stations.Items {
		if s.Id == v {
			return fact{Value: s.Name}
		}
	}
	return fact{}
}

// factParts tells what a difference came from.
func (c *screen) factParts(v any) fact {
	parts, _ := v.([]any)
	var said []string
	for _, x := range parts {
		p, _ := x.(map[string]any)
		n, _ := p["amount_ul"].(float64)
		said = append(said, c.known("cause."+fmt.Sprint(p["cause"]), "")+" "+c.signed(int64(n)))
	}
	return fact{Value: strings.Join(said, "; ")}
}

// receivedBottles writes what was found of each bottle of a delivery into its draft.
func (f *form) receivedBottles(key string) error {
	c := f.c
	d, err := call[clinicapi.Draft](c.api.ReadDraft(c.r.Context(), key))
	if err != nil {
		return err
	}
	for i := range d.Paper.Items {
		r := f.row(i, "measured", "tare", "finding")
		in := &d.Paper.Items[i]
		in.MeasuredUl, in.TareWeightUg, in.Finding = 0, r.weight("tare"), r.text("finding")
		if v := maybe(r, "measured", measure.ParseVolume); v != nil {
			in.MeasuredUl = *v
		}
		f.take(r)
	}
	if f.err != nil {
		return f.err
	}
	body := clinicapi.SaveDraft{Id: key, Kind: d.Kind, Paper: d.Paper, Reason: d.Reason, Late: d.Late, OccurredAt: d.OccurredAt}
	_, err = call[done](c.api.SaveDraft(c.r.Context(), body))
	return err
}
