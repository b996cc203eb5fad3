package measure

import "strconv"

// Flow is a pumping rate in microlitres per minute (µL/min).
type Flow int64

// MillilitrePerMinute is 1 mL/min.
const MillilitrePerMinute Flow = 1000

func (f Flow) String() string { return strconv.FormatInt(int64(f), 10) + " µL/min" }
