// Package paper turns a report into a file that an office takes: PDF to sign and file away, XLSX and CSV to go on
// calculating. A report is one [Sheet]; what the three show is the same.
package paper

import (
	"strconv"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Sheet is one report: a title, what it is about, one table, and who signs it.
type Sheet struct {
	Title      string
	Name       string // of the file, without its ending, and of the workbook's sheet
	About      []Line // clinic, period, product, …
	Columns    []Column
	Rows       [][]Cell // each as long as Columns
	Total      []Cell   // nil for none
	Notes      []string
	Signatures []string // under the table, side by side: who signs where
	SignHint   string   // under each of them: what a signature consists of
	Landscape  bool
	Small      bool           // the table has smaller letters in a PDF, as one with a line for each dose wants it
	RepeatHead bool           // the head stands on every page of a PDF, as a bound register wants it
	Locale     measure.Locale // how numbers are written
	Page       string         // the word before page numbers, "Trang"
	Made       time.Time      // stands in the file's properties and makes it reproducible
}

// Line is one statement of a report's head.
type Line struct{ Label, Value string }

// Column of a table.
type Column struct {
	Title string
	Share int  // of the width, relative to the others; 0 is 1
	Right bool // aligned right, as numbers are
}

// Cell is a text or an exact decimal number.
type Cell struct {
	text     string
	number   int64
	decimals int
	numeric  bool
}

// Text is a cell of words.
func Text(s string) Cell { return Cell{text: s} }

// Number is a cell that holds n·10^-decimals, exactly, and shows all its decimals.
func Number(n int64, decimals int) Cell { return Cell{number: n, decimals: decimals, numeric: true} }

// Count is a cell with a whole number.
func Count(n int) Cell { return Number(int64(n), 0) }

// Millilitres is a cell with a volume in mL.
func Millilitres(v measure.Volume) Cell { return Number(int64(v), 3) }

// Milligrams is a cell with a mass in mg.
func Milligrams(m measure.Mass) Cell { return Number(int64(m), 3) }

// Show writes the cell the way the locale writes numbers.
func (c Cell) Show(l measure.Locale) string {
	if !c.numeric {
		return c.text
	}
	group, point := ",", "."
	if l == measure.Vietnamese {
		group, point = ".", ","
	}
	whole, frac, _ := strings.Cut(c.plain(), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if frac == "" {
		return sign + whole
	}
	return sign + whole + point + frac
}

// plain writes a number for machines: an optional minus, digits, a point, all decimals.
func (c Cell) plain() string {
	sign, digits := "", strconv.FormatInt(c.number, 10)
	if c.number < 0 {
		sign, digits = "-", digits[1:]
	}
	if c.decimals == 0 {
		return sign + digits
	}
	if pad := c.decimals + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	cut := len(digits) - c.decimals
	return sign + digits[:cut] + "." + digits[cut:]
}

func (c Column) share() int {
	if c.Share == 0 {
		return 1
	}
	return c.Share
}
