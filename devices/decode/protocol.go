package decode

import (
	"fmt"
	"strings"
)

// Protocol is one that can be decoded.
type Protocol struct {
	Name    string
	Aliases []string
	Help    string
	// Sent says what the command that the bytes answer changes; "" when it changes nothing.
	Sent string

	at recogniser
}

// Protocols lists every protocol.
func Protocols() []Protocol {
	return []Protocol{
		{Name: "mtsics", Aliases: []string{"mt-sics", "sics", "kern", "kcp"}, at: mtSICS,
			Help: "balance: MT-SICS, Mettler-Toledo, KERN KCP, OHAUS 7000"},
		{Name: "sbi", Aliases: []string{"sartorius"}, at: sbiLine,
			Help: "balance: SBI, Sartorius", Sent: "x1_, x2_, x3_: what a text is"},
		{Name: "andstd", Aliases: []string{"and", "a&d", "a-and-d"}, at: andLine,
			Help: "balance: A&D standard format"},
		{Name: "ohaus", at: ohausLine,
			Help: "balance: OHAUS print format", Sent: "PSN, PV: what a text is"},
		{Name: "radwag", at: radwagLine,
			Help: "balance: Radwag"},
		{Name: "toledo", Aliases: []string{"toledo-continuous"}, at: toledoFrame,
			Help: "balance: Toledo continuous output, with or without checksum"},
		{Name: "toledo8217", Aliases: []string{"toledo-8217", "8217"}, at: toledoCheckout,
			Help: "balance: Toledo 8217, checkout scales"},
		{Name: "newera", Aliases: []string{"new-era"}, at: newEra,
			Help: "pump: New Era, basic or safe mode", Sent: "VOL, DIA, RAT, DIR, SAF, PHN, PF: which setting an answer is"},
		{Name: "newera-safe", Aliases: []string{"new-era-safe"}, at: newEraSafe,
			Help: "pump: New Era, safe mode only", Sent: "as for newera"},
		{Name: "newera-basic", Aliases: []string{"new-era-basic"}, at: newEraBasic,
			Help: "pump: New Era, basic mode only", Sent: "as for newera"},
		{Name: "cavro", Aliases: []string{"tecan", "xcalibur", "xlp"}, at: cavroEither,
			Help: "pump: Tecan Cavro, DT or OEM", Sent: "Q: only then ready and busy are known; ? and ?4: the number is a position"},
		{Name: "cavro-oem", at: cavroOEM, Help: "pump: Tecan Cavro, OEM only", Sent: "as for cavro"},
		{Name: "cavro-dt", at: cavroDT, Help: "pump: Tecan Cavro, DT only", Sent: "as for cavro"},
		{Name: "knf", Aliases: []string{"simdos"}, at: knfEither,
			Help: "pump: KNF SIMDOS", Sent: "?TV, ?DV, ?RV, ?SS1 and the other queries: what an answer is"},
		{Name: "reglo", Aliases: []string{"ismatec", "reglo-icc"}, at: regloEither,
			Help: "pump: Ismatec Reglo ICC", Sent: "v, f, :, xG, #, E, H …: what an answer is"},
		{Name: "ivek", Aliases: []string{"digispense"}, at: ivekLine,
			Help: "pump: IVEK Digispense 3009 and 3020"},
		{Name: "zpl", Aliases: []string{"zebra"}, at: zplStatus,
			Help: "printer: the status of ZPL II printers"},
		{Name: "escpos", Aliases: []string{"esc-pos"}, at: escposStatus,
			Help: "printer: the status of ESC/POS printers", Sent: "DLE EOT 1 to 4: which status a byte is"},
		{Name: "linescan", Aliases: []string{"line", "scanner"}, at: scanLine,
			Help: "scanner: lines of text"},
		{Name: "evdevscan", Aliases: []string{"evdev", "wedge"}, at: keyboardScan,
			Help: "scanner: the input events of a keyboard wedge"},
		{Name: "gs1", at: gs1Code,
			Help: "text: GS1 element string"},
		{Name: "citizen", Aliases: []string{"cccd"}, at: citizenCard,
			Help: "text: QR of a citizen card"},
		{Name: "insurance", Aliases: []string{"bhyt"}, at: insuranceCard,
			Help: "text: QR or number of a health-insurance card"},
		{Name: "cardcode", Aliases: []string{"card"}, at: cardCode,
			Help: "text: the clinic's own cards and labels"},
	}
}

// Find returns the protocol of that name or alias, whatever the case of its letters, or an error that lists the names.
func Find(name string) (Protocol, error) {
	want := strings.ToLower(name)
	var names []string
	for _, p := range Protocols() {
		names = append(names, p.Name)
		if p.Name == want {
			return p, nil
		}
		for _, alias := range p.Aliases {
			if alias == want {
				return p, nil
			}
		}
	}
	return Protocol{}, fmt.Errorf("no protocol %q; there are: %s", name, strings.Join(names, ", "))
}

// Decode tells what b means: bytes as they came from a device or, where frames of the host differ, from the host.
func (p Protocol) Decode(b []byte, a About) Result {
	a.Sent = strings.TrimSpace(a.Sent)
	return p.at.run(b, a)
}
