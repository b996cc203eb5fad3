package paper

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode/utf8"
)

// CSV writes the table alone, for machines: UTF-8 with its mark, commas between the fields, numbers with a point and
// without grouping. A text that a spreadsheet would take for a formula gets an apostrophe before it.
func CSV(w io.Writer, s Sheet) error {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	record := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		record[i] = harmless(c.Title)
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for _, row := range s.Rows {
		for i, c := range row {
			if c.numeric {
				record[i] = c.plain()
			} else {
				record[i] = harmless(c.text)
			}
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless looks past blanks and line ends, because some spreadsheets do, and at the full-width signs, which some take
// for the plain ones.
func harmless(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \t\r\n"))
	if strings.ContainsRune("=+-@＝＋－＠", first) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") {
		return "'" + s
	}
	return s
}
