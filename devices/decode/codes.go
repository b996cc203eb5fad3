package decode

import (
	"errors"
	"strconv"

	"github.com/lieu-clinic/lieu/pkg/gs1"
	"github.com/lieu-clinic/lieu/pkg/personcode"
	"github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

func gs1Code(b []byte, a About) (Frame, int) {
	return whole(func(text string, a About) Frame {
		m, err := gs1.Parse(text, a.Now)
		symbology, _ := withoutPrefix(text)
		f := judged(Frame{AIs: map[string]string{}}, err)
		if f.Symbology = symbology; err != nil {
			if errors.Is(err, gs1.ErrCheckDigit) {
				f.Checksum = Bad
			}
			return f
		}
		for _, e := range m.Elements {
			f.AIs[e.AI] = e.Value
		}
		if expiry, ok := m.Date(gs1.Expiry); ok {
			f.Expiry = expiry.String()
		}
		if m.MaySwallow() {
			f.Reason = "the batch number may have swallowed the expiry: a separator is missing"
		}
		return f
	})(b, a)
}

func citizenCard(b []byte, a About) (Frame, int) {
	return whole(func(text string, _ About) Frame {
		_, rest := withoutPrefix(text)
		c, err := personcode.ParseCitizen(rest)
		f := judged(Frame{Text: c.ID}, err)
		if err == nil {
			f.Fields = map[string]string{
				"old_id": c.OldID, "name": c.Name, "born": c.Born.Format("2006-01-02"), "sex": c.Sex.String(),
				"address": c.Address, "issued": c.Issued.Format("2006-01-02"), "more_fields": strconv.Itoa(len(c.Extra)),
			}
		}
		return f
	})(b, a)
}

func insuranceCard(b []byte, a About) (Frame, int) {
	return whole(func(text string, _ About) Frame {
		_, rest := withoutPrefix(text)
		if n, err := personcode.ParseInsuranceNumber(rest); err == nil {
			f := judged(Frame{Text: string(n)}, nil)
			f.Fields = insuranceFields(n)
			return f
		}
		c, err := personcode.ParseInsurance(rest)
		f := judged(Frame{Text: string(c.Number)}, err)
		if err == nil {
			f.Fields = insuranceFields(c.Number)
			f.Fields["name"], f.Fields["born"], f.Fields["sex"] = c.Name, c.Born.Format("2006-01-02"), c.Sex.String()
			f.Fields["hospital"] = c.Hospital
			f.Fields["from"], f.Fields["to"] = c.From.Format("2006-01-02"), c.To.Format("2006-01-02")
		}
		return f
	})(b, a)
}

func insuranceFields(n personcode.InsuranceNumber) map[string]string {
	return map[string]string{
		"group": n.Group(), "benefit": strconv.Itoa(n.Benefit()), "province": n.Province(), "social": n.Social(),
	}
}

// keyboardScan recognises the records of one code: up to Enter, with the keys let go after it.
func keyboardScan(b []byte, _ About) (Frame, int) {
	var f evdevscan.Framer
	f.Begin(false)
	text, rest, ok := f.Next(b)
	if !ok {
		if len(b) > evdevscan.RecordSize*8*evdevscan.MaxLine || len(b)%evdevscan.RecordSize == 0 && !f.Partial() {
			return Frame{}, -len(b)
		}
		return Frame{}, 0
	}
	frame, ok := tellScan(text)
	n := len(b) - len(rest)
	for len(rest) >= evdevscan.RecordSize && !pressed(rest) {
		rest = rest[evdevscan.RecordSize:]
		n += evdevscan.RecordSize
	}
	if !ok {
		return Frame{}, -n
	}
	return frame, n
}

// pressed reports whether the record is of a key that goes down.
func pressed(record []byte) bool {
	const key, kindAt, valueAt = 1, 16, 20
	return record[kindAt] == key && record[kindAt+1] == 0 && record[valueAt] != 0
}
