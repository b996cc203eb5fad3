package store

import (
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// fold reduces text to what a search compares: decomposed, without marks, đ as d, lower case, single blanks.
// Neither engine does this alike, so it is done here and stored.
func fold(s string) string {
	// A transformer keeps state, so each call makes its own.
	strip := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)))
	folded, _, err := transform.String(strip, s)
	if err != nil {
		folded = s // only a short buffer errs, and String grows it
	}
	folded = strings.NewReplacer("đ", "d", "Đ", "d").Replace(folded)
	return strings.Join(strings.Fields(strings.ToLower(folded)), " ")
}
