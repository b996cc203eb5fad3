package stationlog

import "github.com/lieu-clinic/lieu/pkg/measure"

// Started reports that the daemon came up.
type Started struct {
	Version string   `json:"version"`
	Open    []string `json:"open,omitempty"` // dispensings found open in the journal
}

// Device reports a change of a device's state.
type Device struct {
	Kind   string `json:"kind"`  // pump, scale, scanner, printer
	State  string `json:"state"` // ready, down, unknown
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Scanned reports a code that was read. The text is what the scanner sent, without its prefix and suffix.
type Scanned struct {
	Text      string `json:"text"`
	Symbology string `json:"symbology,omitempty"`
}

// Armed reports that an order was accepted and nothing was sent to the pump yet.
type Armed struct {
	Dispensing string    `json:"dispensing"`
	Purpose    OrderKind `json:"purpose,omitempty"`
}

// Dispensing is the point of no return: written and synced before the first byte of a motion command.
type Dispensing struct {
	Dispensing  string         `json:"dispensing"`
	Volume      measure.Volume `json:"volume_ul"` // what the pump will be told to move
	GrossBefore measure.Weight `json:"gross_before_ug"`
	PumpSerial  string         `json:"pump_serial,omitempty"`
	ScaleSerial string         `json:"scale_serial,omitempty"`
	Manual      bool           `json:"manual,omitempty"` // poured by hand
	// Purpose is [Prime] or [Shot] for what belongs to no patient, "" for a dose.
	Purpose OrderKind `json:"purpose,omitempty"`
}

// Outcome is what was found after a pour. Measured and in-doubt records carry it; what is not known is marked so.
type Outcome struct {
	Dispensing  string         `json:"dispensing"`
	Pump        measure.Volume `json:"pump_ul"` // when not PumpKnown, the last volume the pump reported: a lower bound
	PumpKnown   bool           `json:"pump_known"`
	GrossBefore measure.Weight `json:"gross_before_ug"`
	GrossAfter  measure.Weight `json:"gross_after_ug"`
	WeightKnown bool           `json:"weight_known"`
	DurationMS  int64          `json:"duration_ms"`
	PumpSerial  string         `json:"pump_serial,omitempty"`
	ScaleSerial string         `json:"scale_serial,omitempty"`
	Division    measure.Weight `json:"division_ug,omitempty"` // one step of what the scale shows; 0 when it was not weighed
	Manual      bool           `json:"manual,omitempty"`
	Purpose     OrderKind      `json:"purpose,omitempty"`
	// Reason is a short machine word for an in-doubt outcome: "crash", "no_reply", "stalled", "unplugged", "unstable",
	// "restarted", "stopped", "refused", "overload"; of the weights "negative", "frozen", "jump", "unit_changed", "scale_changed"; by
	// hand "unfinished".
	Reason string `json:"reason,omitempty"`
}

// NeverCommanded reports that an order was not poured and never will be by this counter.
type NeverCommanded struct {
	Dispensing string `json:"dispensing"`
	// Reason is a short machine word: "cancelled", "lease", "no_cup", "device", "rejected", "crash_before_motion".
	Reason  string    `json:"reason"`
	Purpose OrderKind `json:"purpose,omitempty"`
}

// Printing is the point of no return of a print: written and synced before the first byte is sent, and never twice for one
// print.
type Printing struct {
	Print string `json:"print"`
	Job   string `json:"job_sha256"` // see JobHash
}

// PrintResult is how a print ended.
type PrintResult string

// The results.
const (
	PrintDone    PrintResult = "printed" // the printer itself said so
	PrintRefused PrintResult = "refused" // nothing came out, and nothing will
	PrintUnknown PrintResult = "unknown" // it may have come out, or may still
)

// PrintEnded reports how a print ended. It is never tried again by itself.
type PrintEnded struct {
	Print  string      `json:"print"`
	Result PrintResult `json:"result"`
	// Reason is a short machine word, "" when it was printed. Refused: "lease", "busy", "device", "no_printer",
	// "malformed", "closing", or what the printer says of itself, "paper_out", "ribbon_out", "open", "paused",
	// "memory_full", "too_hot", "failed", "not_ready". Unknown: "held", "no_reply", "unplugged", "crash".
	Reason string `json:"reason,omitempty"`
}
