package decode_test

import "testing"

func TestNewEraBasic(t *testing.T) {
	const p = "newera"
	status := func(state string) string { return `{"kind":"status","address":0,"state":"` + state + `"}` }
	check(t,
		row{p, "VER", "\x0200A?R\x03", []string{`{"kind":"status","address":0,"alarm":"reset"}`}, 0, false},
		row{p, "", "\x0200A?S\x03\x0200A?T\x03\x0200A?E\x03\x0200A?O\x03", []string{
			`{"kind":"status","address":0,"alarm":"stalled"}`, `{"kind":"status","address":0,"alarm":"timeout"}`,
			`{"kind":"status","address":0,"alarm":"program_error"}`, `{"kind":"status","address":0,"alarm":"phase_out_of_range"}`}, 0, false},
		row{p, "VER", "\x0200SNE1000V3.928\x03", []string{
			`{"kind":"identity","address":0,"state":"stopped","model":"NE1000","firmware":"3.928","text":"NE1000V3.928"}`}, 0, false},
		row{p, "DIA29.20", "\x0200S\x03", []string{`{"kind":"ack","address":0,"state":"stopped"}`}, 0, false},
		row{p, "", "\x0200S\x03\x0200I\x03\x0200W\x03\x0200P\x03\x0200T\x03\x0200U\x03\x0200X\x03", []string{
			status("stopped"), status("infusing"), status("withdrawing"), status("paused"), status("timed_pause"),
			status("waiting_for_trigger"), status("purging")}, 0, false},
		row{p, "0VOL", "\x0200S5.000ML\x03", []string{
			`{"kind":"volume","address":0,"state":"stopped","volume_ml":"5.000","setting":"VOL","data":"5.000ML"}`}, 0, false},
		row{p, "VOL", "\x0200S500.0UL\x03", []string{
			`{"kind":"volume","address":0,"state":"stopped","volume_ml":"0.5000","setting":"VOL","data":"500.0UL"}`}, 0, false},
		row{p, "", "\x0200S5.000ML\x03", []string{`{"kind":"answer","address":0,"state":"stopped","data":"5.000ML"}`}, 0, false},
		row{p, "DIA", "\x0200S29.20\x03", []string{`{"kind":"setting","address":0,"state":"stopped","setting":"DIA","data":"29.20"}`}, 0, false},
		row{p, "RAT", "\x0200S10.00MM\x03", []string{
			`{"kind":"setting","address":0,"state":"stopped","setting":"RAT","data":"10.00MM","rate_ml_min":"10.00"}`}, 0, false},
		row{p, "DIS", "\x0200SI0.000W0.000ML\x03", []string{
			`{"kind":"volume","address":0,"state":"stopped","infused_ml":"0.000","withdrawn_ml":"0.000"}`}, 0, false},
		row{p, "", "\x0200II2.413W0.000ML\x03", []string{
			`{"kind":"volume","address":0,"state":"infusing","infused_ml":"2.413","withdrawn_ml":"0.000"}`}, 0, false},
		row{p, "", "\x0200SI485W0.000UL\x03", []string{
			`{"kind":"volume","address":0,"state":"stopped","infused_ml":"0.485","withdrawn_ml":"0.000000"}`}, 0, false},
		row{p, "RAT20.00MM", "\x0200I?NA\x03", []string{`{"kind":"error","address":0,"state":"infusing","error":"not_applicable","data":"?NA"}`}, 0, false},
		row{p, "", "\x0200S?\x03\x0200S?OOR\x03\x0200S?COM\x03\x0200S?IGN\x03", []string{
			`{"kind":"error","address":0,"state":"stopped","error":"not_recognised","data":"?"}`,
			`{"kind":"error","address":0,"state":"stopped","error":"out_of_range","data":"?OOR"}`,
			`{"kind":"error","address":0,"state":"stopped","error":"bad_packet","data":"?COM"}`,
			`{"kind":"error","address":0,"state":"stopped","error":"ignored","data":"?IGN"}`}, 0, false},
		row{p, "", "\x025S\x03", []string{`{"kind":"status","address":5,"state":"stopped"}`}, 0, false}, // one digit
		row{p, "", "0VER\r0RUN\r0VOL5.000\r", []string{
			`{"kind":"command","address":0,"command":"VER"}`, `{"kind":"command","address":0,"command":"RUN"}`,
			`{"kind":"command","address":0,"command":"VOL5.000"}`}, 0, false},
		row{p, "", "xx\x0200S", nil, 2, true},
		row{p, "", "\x0200\x0200S\x03", []string{status("stopped")}, 3, false}, // the newest STX wins
		row{p, "", "\x0200Q\x03", nil, 5, false},
		row{p, "", "\x0200S\x00\x03", nil, 6, false},
	)
}

func TestNewEraSafe(t *testing.T) {
	for _, p := range []string{"newera", "newera-safe"} {
		check(t,
			row{p, "", unhex(t, "02 08 53 41 46 30 55 43 03"), []string{`{"kind":"command","address":0,"command":"SAF0","crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 08 30 44 49 53 30 46 03"), []string{`{"kind":"command","address":0,"command":"DIS","crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 08 30 52 55 4E 44 07 03"), []string{`{"kind":"command","address":0,"command":"RUN","crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 08 30 53 54 50 B3 F9 03"), []string{`{"kind":"command","address":0,"command":"STP","crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 05 30 36 53 03"), []string{`{"kind":"command","address":0,"crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 07 30 30 53 AA A6 03"), []string{`{"kind":"status","address":0,"state":"stopped","crc":"ok"}`}, 0, false},
			row{p, "", unhex(t, "02 09 30 30 41 3F 52 65 86 03"), []string{`{"kind":"status","address":0,"alarm":"reset","crc":"ok"}`}, 0, false},
			row{p, "DIS", "\x02\x1500SI2.500W0.000ML\x6c\xd2\x03", []string{
				`{"kind":"volume","address":0,"state":"stopped","infused_ml":"2.500","withdrawn_ml":"0.000","crc":"ok"}`}, 0, false},
			// The CRC holds a byte that looks like ETX.
			row{p, "DIS", "\x02\x1500SI0.485W0.000ML\x03\xda\x03", []string{
				`{"kind":"volume","address":0,"state":"stopped","infused_ml":"0.485","withdrawn_ml":"0.000","crc":"ok"}`}, 0, false},
			row{p, "DIS", "\x02\x1500SI2.500W0.000ML\x6c\xd3\x03", []string{`{"kind":"error","error":"checksum","crc":"bad"}`}, 0, false},
			row{p, "DIS", "\x02\x1500SI2.500W0.0", nil, 0, true},
			row{p, "", "\x02\x1500SI2.5" + unhex(t, "02 07 30 30 53 AA A6 03"), []string{`{"kind":"status","address":0,"state":"stopped","crc":"ok"}`}, 9, false},
		)
	}
}

// The dose of the appendix: the power had failed.
func TestNewEraDose(t *testing.T) {
	for _, c := range []struct{ sent, in, want string }{
		{"0VER", "\x0200A?R\x03", `{"kind":"status","address":0,"alarm":"reset"}`},
		{"0VER", "\x0200SNE1000V3.928\x03", `{"kind":"identity","address":0,"state":"stopped","model":"NE1000","firmware":"3.928","text":"NE1000V3.928"}`},
		{"0VOLML", "\x0200S\x03", `{"kind":"ack","address":0,"state":"stopped"}`},
		{"0DIRINF", "\x0200S\x03", `{"kind":"ack","address":0,"state":"stopped"}`},
		{"0CLDINF", "\x0200S\x03", `{"kind":"ack","address":0,"state":"stopped"}`},
		{"0RUN", "\x0200I\x03", `{"kind":"ack","address":0,"state":"infusing"}`},
		{"0DIS", "\x0200II2.413W0.000ML\x03", `{"kind":"volume","address":0,"state":"infusing","infused_ml":"2.413","withdrawn_ml":"0.000"}`},
		{"0DIS", "\x0200SI5.000W0.000ML\x03", `{"kind":"volume","address":0,"state":"stopped","infused_ml":"5.000","withdrawn_ml":"0.000"}`},
	} {
		check(t, row{"newera", c.sent, c.in, []string{c.want}, 0, false})
	}
}

func TestCavroOEM(t *testing.T) {
	command := func(text, seq, repeat string) string {
		return `{"kind":"command","address":1,"command":"` + text + `","sequence":` + seq + `,"repeat":` + repeat + `,"checksum":"ok"}`
	}
	for _, p := range []string{"cavro", "cavro-oem"} {
		check(t,
			row{p, "", unhex(t, "02 31 31 51 03 50"), []string{command("Q", "1", "false")}, 0, false},
			row{p, "", unhex(t, "02 31 32 3F 34 03 09"), []string{command("?4", "2", "false")}, 0, false},
			row{p, "", unhex(t, "02 31 31 5A 52 03 09"), []string{command("ZR", "1", "false")}, 0, false},
			row{p, "", unhex(t, "02 31 39 5A 52 03 01"), []string{command("ZR", "1", "true")}, 0, false},
			row{p, "", unhex(t, "02 31 32 49 41 31 35 30 30 4F 41 30 52 03 62"), []string{command("IA1500OA0R", "2", "false")}, 0, false},
			row{p, "", unhex(t, "02 31 33 54 03 57"), []string{command("T", "3", "false")}, 0, false},
			row{p, "", unhex(t, "02 31 32 4F 41 30 52 03 6E 02 31 3A 4F 41 30 52 03 66 02 30 40 03 71"), []string{
				command("OA0R", "2", "false"), command("OA0R", "2", "true"), `{"kind":"status","ready":false,"busy":true,"checksum":"ok"}`}, 0, false},
			row{p, "Q", unhex(t, "02 30 60 03 51"), []string{`{"kind":"status","ready":true,"busy":false,"checksum":"ok"}`}, 0, false},
			row{p, "Q", unhex(t, "02 30 40 03 71"), []string{`{"kind":"status","ready":false,"busy":true,"checksum":"ok"}`}, 0, false},
			row{p, "OA0R", unhex(t, "02 30 40 03 71"), []string{`{"kind":"ack","checksum":"ok"}`}, 0, false}, // only Q tells busy
			row{p, "?", unhex(t, "02 30 60 33 30 30 30 03 52"), []string{`{"kind":"position","basis":"commanded","position":3000,"checksum":"ok"}`}, 0, false},
			row{p, "?4", unhex(t, "02 30 60 33 30 30 30 03 52"), []string{`{"kind":"position","basis":"encoder","position":3000,"checksum":"ok"}`}, 0, false},
			row{p, "Q", unhex(t, "02 30 69 03 58"), []string{
				`{"kind":"error","error":"plunger_overload","code":9,"ready":true,"busy":false,"checksum":"ok"}`}, 0, false},
			row{p, "?", unhex(t, "02 30 60 33 30 30 30 03 53"), []string{`{"kind":"error","error":"checksum","checksum":"bad"}`}, 0, false},
			row{p, "?", unhex(t, "02 30 60 33 30 30 30 03"), nil, 0, true},
			// The checksum is missing and the next block begins.
			row{p, "Q", unhex(t, "02 30 60 03 02 30 60 03 51"), []string{
				`{"kind":"error","error":"checksum","checksum":"bad"}`, `{"kind":"status","ready":true,"busy":false,"checksum":"ok"}`}, 0, false},
		)
	}
}

// The dose of the appendix, from a pump that was switched on to an overload.
func TestCavroDT(t *testing.T) {
	for _, p := range []string{"cavro", "cavro-dt"} {
		check(t,
			row{p, "", "/1ZR\r", []string{`{"kind":"command","address":1,"command":"ZR"}`}, 0, false},
			row{p, "ZR", "/0@\x03\r\n", []string{`{"kind":"ack"}`}, 0, false},
			row{p, "Q", "/0g\x03\r\n", []string{`{"kind":"error","error":"not_initialised","code":7,"ready":true,"busy":false}`}, 0, false},
			row{p, "Q", "/0@\x03\r\n/0`\x03\r\n", []string{
				`{"kind":"status","ready":false,"busy":true}`, `{"kind":"status","ready":true,"busy":false}`}, 0, false},
			row{p, "?4", "/0`1500\x03\r\n", []string{`{"kind":"position","basis":"encoder","position":1500}`}, 0, false},
			row{p, "?", "/0@870\x03\r\n", []string{`{"kind":"position","basis":"commanded","position":870}`}, 0, false},
			row{p, "Q", "/0i\x03\r\n", []string{`{"kind":"error","error":"plunger_overload","code":9,"ready":true,"busy":false}`}, 0, false},
			row{p, "?4", "/0i842\x03\r\n", []string{
				`{"kind":"position","basis":"encoder","position":842,"error":"plunger_overload","code":9}`}, 0, false},
			row{p, "", "/0`842\x03\r\n", []string{`{"kind":"answer","data":"842","ready":true,"busy":false}`}, 0, false},
			row{p, "", "/0a\x03\r\n/0A\x03\r\n", []string{
				`{"kind":"error","error":"initialisation","code":1,"ready":true,"busy":false}`,
				`{"kind":"error","error":"initialisation","code":1,"ready":false,"busy":true}`}, 0, false},
			row{p, "?", "/0`15/0`3000\x03\r\n", nil, 15, false}, // two that ran into each other
			row{p, "?", "/0`15", nil, 0, true},
			row{p, "?", "zz/0`15\x03\r\n", []string{`{"kind":"position","basis":"commanded","position":15}`}, 2, false},
		)
	}
	for code, word := range map[string]string{
		"b": `"invalid_command","code":2`, "c": `"invalid_operand","code":3`, "d": `"invalid_sequence","code":4`,
		"f": `"eeprom","code":6`, "j": `"valve_overload","code":10`, "k": `"move_not_allowed","code":11`, "o": `"command_overflow","code":15`,
	} {
		check(t, row{"cavro", "A0R", "/0" + code + "\x03\r\n", []string{`{"kind":"error","error":` + word + `}`}, 0, false})
	}
}

func TestKNF(t *testing.T) {
	const p = "knf"
	check(t,
		row{p, "", unhex(t, "02 30 30 3F 53 49 03 24"), []string{`{"kind":"command","address":0,"command":"?SI","checksum":"ok"}`}, 0, false},
		row{p, "?SI", unhex(t, "06 02 30 30 03 01"), []string{`{"kind":"setting","setting":"SI","address":0,"data":"00","checksum":"ok"}`}, 0, false},
		row{p, "", unhex(t, "02 30 30 44 56 30 30 30 31 30 30 30 30 03 12"), []string{
			`{"kind":"command","address":0,"command":"DV00010000","checksum":"ok"}`}, 0, false},
		row{p, "DV00010000", "\x06", []string{`{"kind":"ack"}`}, 0, false},
		row{p, "", unhex(t, "02 30 30 4B 59 31 03 22 02 30 30 4B 59 30 03 23"), []string{
			`{"kind":"command","address":0,"command":"KY1","checksum":"ok"}`, `{"kind":"command","address":0,"command":"KY0","checksum":"ok"}`}, 0, false},
		row{p, "", unhex(t, "02 30 30 3F 54 56 03 3C"), []string{`{"kind":"command","address":0,"command":"?TV","checksum":"ok"}`}, 0, false},
		row{p, "?TV", "\x06\x02000004980\x03\x34", []string{`{"kind":"volume","volume_ml":"4.980","checksum":"ok"}`}, 0, false},
		row{p, "?TV", "\x06\x02000010000\x030", []string{`{"kind":"volume","volume_ml":"10.000","checksum":"ok"}`}, 0, false},
		row{p, "", "\x06\x02000004980\x03\x34", []string{`{"kind":"answer","data":"000004980","checksum":"ok"}`}, 0, false},
		row{p, "", unhex(t, "02 30 30 3F 53 53 36 03 08"), []string{`{"kind":"command","address":0,"command":"?SS6","checksum":"ok"}`}, 0, false},
		row{p, "?SS6", "\x06\x02000\x031", []string{`{"kind":"status","setting":"SS6","code":0,"checksum":"ok"}`}, 0, false},
		row{p, "?SS6", "\x06\x02001\x030", []string{`{"kind":"status","setting":"SS6","code":1,"alarm":"overpressure","checksum":"ok"}`}, 0, false},
		row{p, "?SS1", "\x06\x02001\x030", []string{`{"kind":"status","setting":"SS1","code":1,"busy":true,"checksum":"ok"}`}, 0, false},
		row{p, "?SS4", "\x06\x02008\x039", []string{`{"kind":"status","setting":"SS4","code":8,"busy":false,"checksum":"ok"}`}, 0, false},
		row{p, "?SS4", "\x06\x02000\x031", []string{`{"kind":"status","setting":"SS4","code":0,"busy":false,"state":"stopped_by_user","checksum":"ok"}`}, 0, false},
		// The check byte looks like ETX.
		row{p, "?DV", "\x06\x0200020000\x03\x03", []string{
			`{"kind":"setting","setting":"DV","volume_ml":"20.000","data":"00020000","checksum":"ok"}`}, 0, false},
		row{p, "KY1", "\x15", []string{`{"kind":"error","error":"refused"}`}, 0, false},
		row{p, "?TV", "\x06\x02000004980\x03\x35", []string{`{"kind":"error","error":"checksum","checksum":"bad"}`}, 0, false},
		row{p, "?TV", "\x06", nil, 0, true},
		row{p, "?TV", "\x06\x020000049", nil, 0, true},
		row{p, "?TV", "\x02000004980\x03\x34", nil, 12, false}, // the ACK was lost
		row{p, "", "\x0200KY1\x03U", []string{`{"kind":"command","address":0,"command":"KY1"}`}, 0, false},
	)
}

func TestReglo(t *testing.T) {
	const p = "reglo"
	check(t,
		row{p, "0x!", "2\r\n", []string{`{"kind":"setting","setting":"x!","data":"2"}`}, 0, false},
		row{p, "0(", "0114\r\n", []string{`{"kind":"identity","firmware":"1.14"}`}, 0, false},
		row{p, "0xE1", "*", []string{`{"kind":"ack"}`}, 0, false},
		row{p, "1xM", "L\r\n", []string{`{"kind":"setting","setting":"xM","data":"L"}`}, 0, false},
		row{p, "1O", "*", []string{`{"kind":"ack"}`}, 0, false},
		row{p, "4v3000+2", "3000E+2\r\n", []string{`{"kind":"setting","setting":"v","volume_ml":"300.0","data":"3000E+2"}`}, 0, false},
		row{p, "v", "5000E-1\r\n3000E+1\r\n", []string{
			`{"kind":"setting","setting":"v","volume_ml":"0.5000","data":"5000E-1"}`,
			`{"kind":"setting","setting":"v","volume_ml":"30.00","data":"3000E+1"}`}, 0, false},
		row{p, "1f1300-3", "1300E-3\r\n", []string{`{"kind":"setting","setting":"f","rate_ml_min":"0.001300","data":"1300E-3"}`}, 0, false},
		row{p, "4f", "3250E+1\r\n", []string{`{"kind":"setting","setting":"f","rate_ml_min":"32.50","data":"3250E+1"}`}, 0, false},
		row{p, "", "3250E+1\r\n", []string{`{"kind":"answer","data":"3250E+1"}`}, 0, false},
		row{p, "4S", "12.30\r\n", []string{`{"kind":"setting","setting":"S","data":"12.30"}`}, 0, false},
		row{p, "2+", "3.17 mm\r\n", []string{`{"kind":"setting","setting":"+","data":"3.17 mm"}`}, 0, false},
		row{p, "3xG", "0000001511\r\n", []string{`{"kind":"volume","volume_ml":"1511","data":"0000001511"}`}, 0, false},
		row{p, "2H", "*", []string{`{"kind":"ack"}`}, 0, false},
		row{p, "2H", "-", []string{`{"kind":"error","error":"impossible"}`}, 0, false},
		row{p, "1E", "+-", []string{`{"kind":"status","busy":true}`, `{"kind":"status","busy":false}`}, 0, false},
		row{p, "", "#+-", []string{`{"kind":"error","error":"failed"}`, `{"kind":"status","status":"yes"}`, `{"kind":"status","status":"no"}`}, 0, false},
		row{p, "", "^X2|A\r\n", []string{`{"kind":"event","channel":2,"state":"complete"}`}, 0, false},
		row{p, "2H", "^X1|3\r\n*", []string{`{"kind":"event","channel":1,"state":"over_current"}`, `{"kind":"ack"}`}, 0, false},
		row{p, "", "^U1|A|0000000123|0000004980|0000\r\n", []string{
			`{"kind":"event","channel":1,"state":"pumping","fields":{"time_left":"0000000123","volume":"0000004980","cycles_left":"0000"}}`}, 0, false},
		row{p, "", "2H\r4v3000+2\r", []string{
			`{"kind":"command","address":2,"command":"H"}`, `{"kind":"command","address":4,"command":"v","data":"3000+2"}`}, 0, false},
		row{p, "", "3000E+", nil, 0, true},
		row{p, "", "^X2|Z\r\n", nil, 7, false},
	)
}

func TestIVEK(t *testing.T) {
	const p = "ivek"
	check(t,
		row{p, "", "v0,100,0\r", []string{`{"kind":"setting","id":"v0","setting":"v0","data":"100"}`}, 0, false},
		row{p, "", "q0,0,0\rq0,2,0\rq0,6,0\r", []string{
			`{"kind":"status","id":"q0","state":"idle","ready":true,"data":"0"}`,
			`{"kind":"status","id":"q0","state":"dispensing","ready":false,"data":"2"}`,
			`{"kind":"status","id":"q0","state":"fault","ready":false,"data":"6"}`}, 0, false},
		row{p, "", "s0,4980,0\r", []string{`{"kind":"volume","id":"s0","remaining_ml":"4.980","data":"4980"}`}, 0, false},
		row{p, "", "12s14,778,0\r", []string{`{"kind":"identity","id":"s14","address":12,"serial":"778"}`}, 0, false},
		row{p, "", "m0,2,8\r", []string{`{"kind":"setting","id":"m0","setting":"m0","data":"2","error":"serial_motion_not_enabled","code":8}`}, 0, false},
		row{p, "", "v0,100\r", []string{`{"kind":"command","command":"v0","data":"100"}`}, 0, false},
		row{p, "", "q0\r", []string{`{"kind":"command","command":"q0"}`}, 0, false},
		row{p, "", "q0,0", nil, 0, true},
		row{p, "", "??\r", nil, 3, false},
	)
}
