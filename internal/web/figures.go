package web

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// figuresView is how long people wait, and the day by quarter hour.
type figuresView struct {
	Waiting, Served, Left         int
	Longest, Median, P90, Service string
	ClearAt                       string
	Quarters                      []quarterView
	Width                         int // of the chart, in its own units
}

// quarterView is one quarter hour as a pair of bars, drawn in the units of the chart.
type quarterView struct {
	At, Wait              string
	Arrived, Served       int
	X, ArrivedY, ArrivedH int
	ServedX               int
	ServedY, ServedH      int
	Hour                  bool // the label is shown
}

// The chart's measures, in its own units.
const (
	quarterWidth = 22
	barWidth     = 9
	chartHeight  = 100
)

func (c *screen) figures(f clinicapi.QueueFigures) *figuresView {
	v := &figuresView{
		Waiting: f.Waiting, Served: f.Served, Left: f.Left,
		Longest: c.lasted(f.LongestWaitS, f.Waiting), Median: c.lasted(f.MedianWaitS, f.Served), P90: c.lasted(f.P90WaitS, f.Served),
		Service: c.lasted(f.MedianServiceS, f.Served), ClearAt: c.clock(f.ClearAt), Width: max(1, len(f.Quarters)) * quarterWidth,
	}
	most := 1
	for _, q := range f.Quarters {
		most = max(most, q.Arrived, q.Served)
	}
	for i, q := range f.Quarters {
		arrived, served := q.Arrived*chartHeight/most, q.Served*chartHeight/most
		v.Quarters = append(v.Quarters, quarterView{
			At: c.clock(q.From), Wait: c.lasted(q.MedianWaitS, q.Served), Arrived: q.Arrived, Served: q.Served,
			X: i * quarterWidth, ArrivedY: chartHeight - arrived, ArrivedH: arrived,
			ServedX: i*quarterWidth + barWidth + 1, ServedY: chartHeight - served, ServedH: served,
			Hour: q.From.In(c.zone).Minute() == 0 || i == 0,
		})
	}
	return v
}

// lasted is a time that was measured n times: of nobody it is not known, which is not nothing.
func (c *screen) lasted(seconds int64, n int) string {
	if n == 0 && seconds == 0 {
		return "–"
	}
	return c.duration(seconds)
}

// barcodeImage draws a code for a label or a card as Code 128. It stands in the page itself: a patient's code must not
// become part of an address. "" when the code cannot be drawn.
func barcodeImage(code string) template.URL {
	drawn, err := code128.Encode(code)
	if err != nil {
		return ""
	}
	scaled, err := barcode.Scale(drawn, 2*drawn.Bounds().Dx(), 60)
	if err != nil {
		return ""
	}
	var out bytes.Buffer
	if err := png.Encode(&out, scaled); err != nil {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes())) //nolint:gosec // made here from bytes
}
