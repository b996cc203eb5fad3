package decode_test

import (
	"testing"

	"github.com/lieu-clinic/lieu/pkg/cardcode"
	"github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

func TestLineScan(t *testing.T) {
	const p = "linescan"
	check(t,
		row{p, "", "]C0P010000427\r\n", []string{`{"kind":"scan","symbology":"C0","text":"P010000427"}`}, 0, false},
		row{p, "", "one\rtwo\nthree\r\n", []string{
			`{"kind":"scan","text":"one"}`, `{"kind":"scan","text":"two"}`, `{"kind":"scan","text":"three"}`}, 0, false},
		row{p, "", "\x02one\x03\r\n", []string{`{"kind":"scan","text":"one"}`}, 0, false},
		row{p, "", "]d2010893500012345410LOT\x1d21S\r", []string{
			`{"kind":"scan","symbology":"d2","text":"010893500012345410LOT\u001d21S"}`}, 0, false}, // GS is data
		row{p, "", "]Q1Nguyễn\r", []string{`{"kind":"scan","symbology":"Q1","text":"Nguyễn"}`}, 0, false},
		row{p, "", "Nguy\xe1\xbb\r", nil, 7, false}, // invalid UTF-8 is refused, not replaced
		row{p, "", "on\x00e\r", nil, 5, false},
		row{p, "", "half", nil, 0, true},
		row{p, "", "\r\n\r\n", nil, 4, false},
	)
}

func TestKeyboardWedge(t *testing.T) {
	const p = "evdevscan"
	typed, err := evdevscan.Append(nil, "]C0P010", false)
	if err != nil {
		t.Fatal(err)
	}
	two, err := evdevscan.Append(typed, "AB", true)
	if err != nil {
		t.Fatal(err)
	}
	check(t,
		row{p, "", string(typed), []string{`{"kind":"scan","symbology":"C0","text":"P010"}`}, 0, false},
		row{p, "", string(two), []string{`{"kind":"scan","symbology":"C0","text":"P010"}`, `{"kind":"scan","text":"AB"}`}, 0, false},
		row{p, "", string(typed[:len(typed)-100]), nil, 0, true},
	)
}

func TestGS1(t *testing.T) {
	const p = "gs1"
	const ais = `"ais":{"01":"08935000123454","17":"251231","10":"LOT42","21":"SER0001"},"expiry":"2025-12-31"`
	check(t,
		row{p, "", "]d2010893500012345417251231" + "10LOT42\x1d21SER0001", []string{`{"kind":"scan","valid":true,"symbology":"d2",` + ais + `}`}, 0, false},
		row{p, "", "010893500012345417251231" + "10LOT42\x1d21SER0001\r\n", []string{`{"kind":"scan","valid":true,` + ais + `}`}, 0, false},
		// Day 00 is the last one of the month.
		row{p, "", "]d20108935000123454" + "17280200", []string{
			`{"kind":"scan","valid":true,"symbology":"d2","ais":{"01":"08935000123454","17":"280200"},"expiry":"2028-02-29"}`}, 0, false},
		row{p, "", "]C1" + "10LOT42", []string{`{"kind":"scan","valid":true,"symbology":"C1","ais":{"10":"LOT42"}}`}, 0, false},
	)
	for in, want := range map[string]string{
		"]d20108935000123455" + "17251231": "bad", // wrong check digit
		"]d20108935000123454" + "17251331": "",    // month 13
		"]d2" + "9912":                     "",
		"]E08935000123454" + "extra":       "",
	} {
		got := told(t, find(t, p).Decode([]byte(in), aboutNow()))
		frames := got["frames"].([]any)
		if len(frames) != 1 {
			t.Errorf("%q: %v", in, frames)
			continue
		}
		f := frames[0].(map[string]any)
		checksum, _ := f["checksum"].(string)
		if f["valid"] != false || f["reason"] == "" || f["ais"] != nil || f["expiry"] != nil || checksum != want {
			t.Errorf("%q: %v", in, f)
		}
	}
}

// A separator that is missing behind the batch swallows the expiry, and that is shown.
func TestGS1WithoutItsSeparator(t *testing.T) {
	got := told(t, find(t, "gs1").Decode([]byte("]d2"+"0108935000123454"+"10LOT4217251231"), aboutNow()))
	f := got["frames"].([]any)[0].(map[string]any)
	if f["valid"] != true || f["expiry"] != nil || f["reason"] == nil {
		t.Errorf("%v", f)
	}
}

func TestPersonalCodes(t *testing.T) {
	const citizen = "001090012345|123456789|Nguyễn Văn A|15031990|Nam|Hà Nội|01012022"
	check(t,
		row{"citizen", "", citizen, []string{`{"kind":"scan","valid":true,"text":"001090012345","fields":{"old_id":"123456789",
			"name":"Nguyễn Văn A","born":"1990-03-15","sex":"male","address":"Hà Nội","issued":"2022-01-01","more_fields":"0"}}`}, 0, false},
		row{"bhyt", "", "DN4010123456789", []string{`{"kind":"scan","valid":true,"text":"DN4010123456789",
			"fields":{"group":"DN","benefit":"4","province":"01","social":"0123456789"}}`}, 0, false},
		row{"cardcode", "", cardcode.Format(cardcode.Patient, 1, 427), []string{
			`{"kind":"scan","valid":true,"checksum":"ok","text":"` + cardcode.Format(cardcode.Patient, 1, 427) + `","fields":{"kind":"patient"}}`}, 0, false},
	)
	for protocol, in := range map[string]string{
		"cccd": "001190012345|123456789|Nguyễn Văn A|15031990|Nam|Hà Nội|01012022", // the number says a woman
		"bhyt": "DN9010123456789",
		"card": "P0100004270",
	} {
		f := told(t, find(t, protocol).Decode([]byte(in), aboutNow()))["frames"].([]any)[0].(map[string]any)
		if f["valid"] != false || f["reason"] == "" || f["text"] != nil {
			t.Errorf("%s: %v", protocol, f)
		}
	}
}

func TestZPL(t *testing.T) {
	const p = "zpl"
	answer := func(first, second string) string {
		return "\x02" + first + "\x03\r\n\x02" + second + "\x03\r\n\x021234,0\x03\r\n"
	}
	status := func(word, ready string) []string {
		return []string{`{"kind":"status","status":"` + word + `","ready":` + ready + `,"busy":false,
			"fields":{"label_length":"1245","formats_waiting":"0","labels_left":"0","print_mode":"2"}}`}
	}
	ready := answer("030,0,0,1245,000,0,0,0,000,0,0,0", "000,0,0,0,0,2,4,0,00000000,1,000")
	check(t,
		row{p, "", ready, status("ok", "true"), 0, false},
		row{p, "", answer("030,1,0,1245,000,0,0,0,000,0,0,0", "000,0,0,0,0,2,4,0,00000000,1,000"), status("paper_out", "false"), 0, false},
		row{p, "", answer("030,0,1,1245,000,0,0,0,000,0,0,0", "000,0,0,0,0,2,4,0,00000000,1,000"), status("paused", "false"), 0, false},
		// The second field of the second string is unused, the third is the head.
		row{p, "", answer("030,0,0,1245,000,0,0,0,000,0,0,0", "000,0,1,0,0,2,4,0,00000000,1,000"), status("head_open", "false"), 0, false},
		row{p, "", answer("030,0,0,1245,000,0,0,0,000,0,0,0", "000,0,0,1,0,2,4,0,00000000,1,000"), status("ribbon_out", "false"), 0, false},
		row{p, "", "~HS", []string{`{"kind":"command","command":"~HS"}`}, 0, false},
		row{p, "", ready[:40], nil, 0, true},
		row{p, "", "xx" + ready, status("ok", "true"), 2, false},
	)
}

func TestESCPOS(t *testing.T) {
	const p = "escpos"
	check(t,
		row{p, "DLE EOT 1", "\x12", []string{`{"kind":"status","status":"ok"}`}, 0, false},
		row{p, "DLE EOT 1", "\x1a", []string{`{"kind":"status","status":"offline"}`}, 0, false},
		row{p, "DLE EOT 2", "\x16", []string{`{"kind":"status","status":"cover_open"}`}, 0, false},
		row{p, "DLE EOT 2", "\x32", []string{`{"kind":"status","status":"paper_stop"}`}, 0, false},
		row{p, "DLE EOT 2", "\x52", []string{`{"kind":"status","status":"error"}`}, 0, false},
		row{p, "4", "\x1e", []string{`{"kind":"status","status":"paper_low"}`}, 0, false},
		row{p, "4", "\x7e", []string{`{"kind":"status","status":"paper_low,paper_out"}`}, 0, false},
		row{p, "\x10\x04\x01\x10\x04\x02\x10\x04\x04", "\x1a\x16\x1e", []string{
			`{"kind":"status","status":"offline"}`, `{"kind":"status","status":"cover_open"}`, `{"kind":"status","status":"paper_low"}`}, 0, false},
		row{p, "", "\x1a", []string{`{"kind":"answer","data":"1A"}`}, 0, false},
		row{p, "1", "\x13\x92", nil, 2, false}, // the fixed bits do not fit
	)
}
