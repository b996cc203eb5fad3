package decode_test

import "testing"

func TestMTSICS(t *testing.T) {
	const p = "mtsics"
	check(t,
		row{p, "", "S S     100.00 g\r\n", []string{`{"kind":"weight","id":"S","value":"100.00","unit":"g","stable":true}`}, 0, false},
		row{p, "SI", "S S     129.07 g\r\n", []string{`{"kind":"weight","id":"S","value":"129.07","unit":"g","stable":true}`}, 0, false},
		row{p, "SI", "S D     129.07 g\r\n", []string{`{"kind":"weight","id":"S","value":"129.07","unit":"g","stable":false}`}, 0, false},
		row{p, "", "S S      129.07 g\r\n", []string{`{"kind":"weight","id":"S","value":"129.07","unit":"g","stable":true}`}, 0, false}, // 11 wide
		row{p, "", "S S      -0.50 g\r\n", []string{`{"kind":"weight","id":"S","value":"-0.50","unit":"g","stable":true}`}, 0, false},
		row{p, "", "S I\r\n", []string{`{"kind":"status","id":"S","status":"not_executable"}`}, 0, false},
		row{p, "", "S +\r\nS -\r\nS L\r\n", []string{
			`{"kind":"status","id":"S","status":"overload"}`, `{"kind":"status","id":"S","status":"underload"}`,
			`{"kind":"error","id":"S","error":"parameter"}`}, 0, false},
		row{p, "Z", "Z A\r\nZ I\r\nZ +\r\nZ -\r\n", []string{
			`{"kind":"ack","id":"Z"}`, `{"kind":"status","id":"Z","status":"not_executable"}`,
			`{"kind":"status","id":"Z","status":"overload"}`, `{"kind":"status","id":"Z","status":"underload"}`}, 0, false},
		row{p, "ZI", "ZI S\r\nZI D\r\nZ S\r\nZ D\r\n", []string{
			`{"kind":"ack","id":"ZI","stable":true}`, `{"kind":"ack","id":"ZI","stable":false}`,
			`{"kind":"ack","id":"Z","stable":true}`, `{"kind":"ack","id":"Z","stable":false}`}, 0, false},
		row{p, "T", "T S     100.00 g\r\nT I\r\nT +\r\nT -\r\n", []string{
			`{"kind":"tare","id":"T","value":"100.00","unit":"g","stable":true}`, `{"kind":"status","id":"T","status":"not_executable"}`,
			`{"kind":"status","id":"T","status":"overload"}`, `{"kind":"status","id":"T","status":"underload"}`}, 0, false},
		row{p, "TI", "TI D      12.34 g\r\n", []string{`{"kind":"tare","id":"TI","value":"12.34","unit":"g","stable":false}`}, 0, false},
		row{p, "TA", "TA A      12.34 g\r\nTA I\r\nTA L\r\n", []string{
			`{"kind":"tare","id":"TA","value":"12.34","unit":"g"}`, `{"kind":"status","id":"TA","status":"not_executable"}`,
			`{"kind":"error","id":"TA","error":"parameter"}`}, 0, false},
		row{p, "TAC", "TAC A\r\n", []string{`{"kind":"ack","id":"TAC"}`}, 0, false},
		row{p, "@", "I4 A \"1234567\"\r\n", []string{`{"kind":"identity","id":"I4","serial":"1234567"}`}, 0, false},
		row{p, "I0", "I0 B 0 \"@\"\r\nI0 A\r\n", []string{`{"kind":"identity","id":"I0","text":"0 \"@\""}`, `{"kind":"ack","id":"I0"}`}, 0, false},
		row{p, "I1", "I1 A \"0123\" \"2.30\"\r\n", []string{`{"kind":"identity","id":"I1","text":"\"0123\" \"2.30\""}`}, 0, false},
		row{p, "I2", "I2 A \"JE1002G/A 1200.90 g\"\r\n", []string{`{"kind":"identity","id":"I2","model":"JE1002G/A 1200.90 g"}`}, 0, false},
		row{p, "I3", "I3 A \"1.20 34.28.3.4485.1729\"\r\n", []string{`{"kind":"identity","id":"I3","firmware":"1.20 34.28.3.4485.1729"}`}, 0, false},
		row{p, "C3", "C3 B\r\nC3 A\r\nC3 I\r\n", []string{
			`{"kind":"status","id":"C3","status":"begun"}`, `{"kind":"ack","id":"C3"}`,
			`{"kind":"status","id":"C3","status":"not_executable"}`}, 0, false},
		row{p, "FOO", "ES\r\nET\r\nEL\r\n", []string{
			`{"kind":"error","id":"ES","error":"syntax"}`, `{"kind":"error","id":"ET","error":"transmission"}`,
			`{"kind":"error","id":"EL","error":"logical"}`}, 0, false},
		// A naive reader takes these for stable weights.
		row{p, "", "S S Error 10b\r\nS S Error 1t\r\nS S Error 15b\r\n", []string{
			`{"kind":"error","id":"S","error":"eeprom","code":10,"text":"weighing bridge"}`,
			`{"kind":"error","id":"S","error":"boot","code":1,"text":"terminal"}`,
			`{"kind":"error","id":"S","error":"adjustment_needed","code":15,"text":"weighing bridge"}`}, 0, false},
		row{p, "", "S S     100.00 lb\r\n", []string{`{"kind":"error","error":"unit","text":"S S     100.00 lb"}`}, 0, false},
		row{p, "", "S S     100.\x00\x300 g\r\nS I\r\n", []string{`{"kind":"status","id":"S","status":"not_executable"}`}, 19, false},
		row{p, "", "S S     100.00", nil, 0, true},
		row{p, "", "S S     100.00 g\r", nil, 0, true},
		row{p, "", "xyz\r\n", nil, 5, false},
		row{p, "", "S S     100.00 g\n", nil, 17, false},
		// The typical session.
		row{p, "", "I4 A \"12345678\"\r\nI2 A \"JE1002G/A 1200.90 g\"\r\nT S      25.13 g\r\nS D       3.91 g\r\nS S      10.37 g\r\nES\r\n", []string{
			`{"kind":"identity","id":"I4","serial":"12345678"}`, `{"kind":"identity","id":"I2","model":"JE1002G/A 1200.90 g"}`,
			`{"kind":"tare","id":"T","value":"25.13","unit":"g","stable":true}`,
			`{"kind":"weight","id":"S","value":"3.91","unit":"g","stable":false}`,
			`{"kind":"weight","id":"S","value":"10.37","unit":"g","stable":true}`, `{"kind":"error","id":"ES","error":"syntax"}`}, 0, false},
	)
}

func TestSBI(t *testing.T) {
	const p = "sbi"
	check(t,
		row{p, "", "+   123.56 g  \r\n", []string{`{"kind":"weight","value":"123.56","unit":"g","stable":true}`}, 0, false},
		row{p, "", "N     +   123.56 g  \r\n", []string{`{"kind":"weight","id":"N","basis":"net","value":"123.56","unit":"g","stable":true}`}, 0, false},
		row{p, "", "G     -     0.50 g  \r\n", []string{`{"kind":"weight","id":"G","basis":"gross","value":"-0.50","unit":"g","stable":true}`}, 0, false},
		// A blank unit is the only sign that the load moves.
		row{p, "", "N     +    0.031    \r\n", []string{`{"kind":"weight","id":"N","basis":"net","value":"0.031","unit":null,"stable":false}`}, 0, false},
		row{p, "", "T1    +   12.340 g  \r\n", []string{`{"kind":"tare","id":"T1","value":"12.340","unit":"g"}`}, 0, false},
		row{p, "", "N     + 123.5[6] g  \r\n", []string{`{"kind":"weight","id":"N","basis":"net","value":"123.56","unit":"g","stable":true}`}, 0, false},
		row{p, "", "Stat      High      \r\nStat       Low      \r\nStat       OFF      \r\n", []string{
			`{"kind":"status","id":"Stat","status":"overload"}`, `{"kind":"status","id":"Stat","status":"underload"}`,
			`{"kind":"status","id":"Stat","status":"off"}`}, 0, false},
		row{p, "", "      H       \r\n      L       \r\n", []string{
			`{"kind":"status","status":"overload"}`, `{"kind":"status","status":"underload"}`}, 0, false},
		row{p, "", "Stat     Cal.Int.   \r\nStat    ERR 10      \r\nErr 101\r\nPRT.ERR\r\n", []string{
			`{"kind":"status","id":"Stat","status":"adjusting"}`, `{"kind":"error","id":"Stat","error":"tare_blocked","code":10}`,
			`{"kind":"error","error":"device","code":101}`, `{"kind":"error","error":"PRT.ERR"}`}, 0, false},
		// A model name holds digits and a minus and is no weight.
		row{p, "x1_", "BCE3202-1S          \r\n", []string{`{"kind":"identity","model":"BCE3202-1S"}`}, 0, false},
		row{p, "x2_", "0036904041          \r\n", []string{`{"kind":"identity","serial":"0036904041"}`}, 0, false},
		row{p, "", "+   123.5", nil, 0, true},
		row{p, "", "+   123.56 lb \r\n", []string{`{"kind":"error","error":"unit","text":"+   123.56 lb "}`}, 0, false},
		// The cup being filled.
		row{p, "", "MSE1203S-100-DR     \r\nN     +    0.000 g  \r\nN     +    4.871    \r\nN     +    5.012 g  \r\nStat      High      \r\n", []string{
			`{"kind":"identity","text":"MSE1203S-100-DR"}`,
			`{"kind":"weight","id":"N","basis":"net","value":"0.000","unit":"g","stable":true}`,
			`{"kind":"weight","id":"N","basis":"net","value":"4.871","unit":null,"stable":false}`,
			`{"kind":"weight","id":"N","basis":"net","value":"5.012","unit":"g","stable":true}`,
			`{"kind":"status","id":"Stat","status":"overload"}`}, 0, false},
	)
}

func TestAND(t *testing.T) {
	const p = "andstd"
	check(t,
		row{p, "R", "\x06\r\n\x06\r\n", []string{`{"kind":"ack"}`, `{"kind":"ack"}`}, 0, false},
		row{p, "Q", "US,+00004.87  g\r\n", []string{`{"kind":"weight","id":"US","value":"4.87","unit":"g","stable":false}`}, 0, false},
		row{p, "S", "ST,+00005.01  g\r\n", []string{`{"kind":"weight","id":"ST","value":"5.01","unit":"g","stable":true}`}, 0, false},
		row{p, "S", "ST,+00000.00  g\r\nST,-00000.05 kg\r\n", []string{
			`{"kind":"weight","id":"ST","value":"0.00","unit":"g","stable":true}`,
			`{"kind":"weight","id":"ST","value":"-0.05","unit":"kg","stable":true}`}, 0, false},
		row{p, "XX", "EC,E01\r\nEC,E11\r\nEC,E3\r\n", []string{
			`{"kind":"error","id":"EC","error":"undefined_command","code":1,"text":"E01"}`,
			`{"kind":"error","id":"EC","error":"unstable","code":11,"text":"E11"}`,
			`{"kind":"error","id":"EC","error":"timeout","code":3,"text":"E3"}`}, 0, false},
		// Not an exponent: the number of such a line is none.
		row{p, "Q", "OL,+9999999E+19\r\nOL,-9999999E+19\r\n", []string{
			`{"kind":"status","id":"OL","status":"overload"}`, `{"kind":"status","id":"OL","status":"underload"}`}, 0, false},
		row{p, "", "ST,OK,+0001.234 kg\r\n", []string{`{"kind":"weight","id":"ST","state":"OK","value":"1.234","unit":"kg","stable":true}`}, 0, false},
		row{p, "", "@23ST,+0012.345 kg\r\n", []string{`{"kind":"weight","id":"ST","address":23,"value":"12.345","unit":"kg","stable":true}`}, 0, false},
		row{p, "", "QT,+00000012 PC\r\n", []string{`{"kind":"count","id":"QT"}`}, 0, false},
		row{p, "", "ST,+00005.01 lb\r\n", []string{`{"kind":"error","error":"unit","text":"ST,+00005.01 lb"}`}, 0, false},
		row{p, "", "ST,+00005", nil, 0, true},
		row{p, "", "ST+00005.01  g\r\n", nil, 16, false},
	)
}

func TestOHAUS(t *testing.T) {
	const p = "ohaus"
	check(t,
		row{p, "T", "OK!\r\n", []string{`{"kind":"ack"}`}, 0, false},
		row{p, "IP", "       4.87 g ?\r\n", []string{`{"kind":"weight","value":"4.87","unit":"g","stable":false}`}, 0, false},
		row{p, "SP", "       5.01 g\r\n", []string{`{"kind":"weight","value":"5.01","unit":"g","stable":true}`}, 0, false},
		row{p, "SP", "ES\r\n", []string{`{"kind":"error","id":"ES","error":"invalid_or_unstable"}`}, 0, false},
		row{p, "", "     192.21 g\r\n       0.01 g ?\r\n", []string{
			`{"kind":"weight","value":"192.21","unit":"g","stable":true}`, `{"kind":"weight","value":"0.01","unit":"g","stable":false}`}, 0, false},
		row{p, "", "     176.30 g ? 00:00:15\r\n", []string{`{"kind":"weight","value":"176.30","unit":"g","stable":false,"seconds":"15"}`}, 0, false},
		row{p, "", "     207.80 g TOTAL\r\n", []string{`{"kind":"total","id":"TOTAL"}`}, 0, false}, // a sum is no weight
		row{p, "", "     207.80 g NET\r\n", []string{`{"kind":"weight","basis":"net","value":"207.80","unit":"g","stable":true}`}, 0, false},
		row{p, "PT", "      12.30 g PT\r\n", []string{`{"kind":"tare","id":"PT","value":"12.30","unit":"g"}`}, 0, false},
		row{p, "", "     192.21\r\n", []string{`{"kind":"error","error":"unit","text":"     192.21"}`}, 0, false}, // numeric only
		row{p, "PSN", "B123456789\r\n", []string{`{"kind":"identity","serial":"B123456789"}`}, 0, false},
		row{p, "", "     192.21 g", nil, 0, true},
	)
}

func TestRadwag(t *testing.T) {
	const p = "radwag"
	check(t,
		row{p, "T", "T A\r\nT D\r\n", []string{`{"kind":"ack","id":"T","status":"accepted"}`, `{"kind":"ack","id":"T","status":"done"}`}, 0, false},
		row{p, "S", "S A\r\nS          5.012 g  \r\n", []string{
			`{"kind":"ack","id":"S","status":"accepted"}`, `{"kind":"weight","id":"S","value":"5.012","unit":"g","stable":true}`}, 0, false},
		row{p, "S", "S E\r\n", []string{`{"kind":"error","id":"S","error":"stability_timeout"}`}, 0, false},
		row{p, "SI", "SI  ?      4.871 g  \r\n", []string{`{"kind":"weight","id":"SI","value":"4.871","unit":"g","stable":false}`}, 0, false},
		row{p, "SI", "SI  ? -  0.00020 g  \r\n", []string{`{"kind":"weight","id":"SI","value":"-0.00020","unit":"g","stable":false}`}, 0, false},
		row{p, "Z", "Z I\r\nZ ^\r\nZ v\r\n", []string{
			`{"kind":"status","id":"Z","status":"not_executable"}`, `{"kind":"status","id":"Z","status":"above_range"}`,
			`{"kind":"status","id":"Z","status":"below_range"}`}, 0, false},
		row{p, "UT", "UT OK\r\n", []string{`{"kind":"ack","id":"UT","status":"done"}`}, 0, false},
		row{p, "FOO", "ES\r\n", []string{`{"kind":"error","error":"syntax"}`}, 0, false},
		row{p, "NB", "NB A \"123456\"\r\n", []string{`{"kind":"identity","id":"NB","serial":"123456"}`}, 0, false},
		row{p, "SI", "SI ?", nil, 0, true},
	)
}

func TestToledo(t *testing.T) {
	const p = "toledo"
	still := unhex(t, "02 2D 30 20 30 30 31 32 33 34 30 30 30 30 30 30 0D 2A")
	moving := unhex(t, "02 2D 38 20 30 30 31 32 33 34 30 30 30 30 30 30 0D 22")
	const (
		atRest = `{"kind":"weight","basis":"gross","value":"1.234","unit":"kg","stable":true,"checksum":"ok","fields":{"tare":"0.000"}}`
		motion = `{"kind":"weight","basis":"gross","value":"1.234","unit":"kg","stable":false,"checksum":"ok","fields":{"tare":"0.000"}}`
		plain  = `{"kind":"weight","basis":"gross","value":"1.234","unit":"kg","stable":true,"fields":{"tare":"0.000"}}`
		broken = `{"kind":"error","error":"checksum","checksum":"bad"}`
	)
	check(t,
		row{p, "", still, []string{atRest}, 0, false},
		row{p, "", moving, []string{motion}, 0, false},
		row{p, "", "xx" + still + moving, []string{atRest, motion}, 2, false},
		row{p, "", still[:17] + still[:17], []string{plain, plain}, 0, false},
		row{p, "", still[:17] + "\x2b" + moving, []string{broken, motion}, 0, false},
		row{p, "", still[:9], nil, 0, true},
		row{p, "", still[:9] + still, []string{atRest}, 9, false},
		row{p, "", unhex(t, "02 2D 34 20 30 30 31 32 33 34 30 30 30 30 30 30 0D"), []string{`{"kind":"status","status":"overload"}`}, 0, false},
		row{p, "", unhex(t, "02 2D 36 20 30 30 31 32 33 34 30 30 30 30 30 30 0D"), []string{`{"kind":"status","status":"underload"}`}, 0, false},
		row{p, "", unhex(t, "02 2C 33 21 30 30 31 32 33 34 30 30 31 30 30 30 0D"), []string{
			`{"kind":"weight","basis":"net","value":"-12.34","unit":"g","stable":true,"fields":{"tare":"10.00"}}`}, 0, false},
		row{p, "", unhex(t, "02 2D 20 20 30 30 31 32 33 34 30 30 30 30 30 30 0D"), []string{`{"kind":"error","error":"unit"}`}, 0, false}, // lb
	)
}

func TestToledo8217(t *testing.T) {
	const p = "toledo8217"
	check(t,
		row{p, "W", "\x0212.345\r", []string{`{"kind":"weight","value":"12.345","unit":null,"stable":true}`}, 0, false},
		row{p, "W", "\x0200.500N\r", []string{`{"kind":"weight","basis":"net","value":"0.500","unit":null,"stable":true}`}, 0, false},
		row{p, "W", "\x02?\x41\r", []string{`{"kind":"status","status":"motion","stable":false}`}, 0, false},
		row{p, "W", "\x02?\x42\r\x02?\x44\r", []string{`{"kind":"status","status":"overload"}`, `{"kind":"status","status":"underload"}`}, 0, false},
		row{p, "", "W\r", []string{`{"kind":"command","command":"W"}`}, 0, false},
		row{p, "W", "\x0212.3", nil, 0, true},
		row{p, "W", "\x0212.3x5\r", nil, 8, false},
	)
}
