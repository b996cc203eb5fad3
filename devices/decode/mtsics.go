package decode

import "github.com/lieu-clinic/lieu/pkg/protocol/mtsics"

func mtSICS(b []byte, _ About) (Frame, int) {
	var f mtsics.Framer
	f.Sync()
	return line(b, mtsics.MaxLine, &f, func(text []byte) (Frame, bool) {
		r, err := mtsics.Decode(text)
		if err != nil {
			return unusable(text, err, mtsics.ErrUnit)
		}
		return tellMTSICS(r)
	})
}

func tellMTSICS(r mtsics.Reply) (f Frame, ok bool) {
	f, ok = mtsicsBody(r)
	f.ID = string(r.ID)
	return f, ok
}

func mtsicsBody(r mtsics.Reply) (Frame, bool) {
	switch r.ID {
	case mtsics.ES:
		return Frame{Kind: Error, Error: "syntax"}, true
	case mtsics.ET:
		return Frame{Kind: Error, Error: "transmission"}, true
	case mtsics.EL:
		return Frame{Kind: Error, Error: "logical"}, true
	}
	switch {
	case r.Status == mtsics.DeviceError:
		return Frame{Kind: Error, Error: mtsicsFault(r.Code), Code: some(r.Code), Text: mtsicsPart(r)}, true
	case r.HasWeight():
		return mtsicsWeight(r)
	case r.Args != "":
		return mtsicsIdentity(r), true
	}
	return mtsicsStatus(r), true
}

func mtsicsWeight(r mtsics.Reply) (Frame, bool) {
	text, err := r.Weight.Number()
	if err != nil {
		return Frame{}, false
	}
	f := weighed(Weight, text, r.Weight.Unit)
	if r.ID != mtsics.S {
		f.Kind = Tare
	}
	if r.Status == mtsics.Stable || r.Status == mtsics.Dynamic {
		f = f.stable(r.Status == mtsics.Stable)
	}
	return f, true
}

func mtsicsIdentity(r mtsics.Reply) Frame {
	f := Frame{Kind: Identity}
	switch r.ID {
	case mtsics.I2:
		f.Model = r.Arg(0)
	case mtsics.I3, mtsics.I5:
		f.Firmware = r.Arg(0)
	case mtsics.I4:
		f.Serial = r.Arg(0)
	default:
		f.Text = r.Args
	}
	return f
}

func mtsicsStatus(r mtsics.Reply) Frame {
	switch r.Status {
	case mtsics.NotExecutable:
		return Frame{Kind: Status, Status: "not_executable"}
	case mtsics.Overload:
		return Frame{Kind: Status, Status: "overload"}
	case mtsics.Underload:
		return Frame{Kind: Status, Status: "underload"}
	case mtsics.Parameter:
		return Frame{Kind: Error, Error: "parameter"}
	case mtsics.More:
		return Frame{Kind: Status, Status: "begun"}
	case mtsics.Stable, mtsics.Dynamic: // a zero that was set
		return Frame{Kind: Ack}.stable(r.Status == mtsics.Stable)
	}
	return Frame{Kind: Ack}
}

func mtsicsPart(r mtsics.Reply) string {
	if r.Bridge {
		return "weighing bridge"
	}
	return "terminal"
}

// mtsicsFault is what the manual of the modules calls the error.
func mtsicsFault(code int) string {
	switch code {
	case 1:
		return "boot"
	case 2:
		return "brand"
	case 3:
		return "checksum"
	case 9:
		return "option"
	case 10:
		return "eeprom"
	case 11:
		return "device_mismatch"
	case 12:
		return "hot_plug_out"
	case 14:
		return "module_mismatch"
	case 15:
		return "adjustment_needed"
	}
	return "device"
}
