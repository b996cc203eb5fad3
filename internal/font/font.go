// Package font holds the one typeface that Lieu prints with: Be Vietnam Pro 1.0, which has every Vietnamese letter.
//
// Licence: SIL Open Font License 1.1, in OFL.txt. The files are those of @expo-google-fonts/be-vietnam-pro 0.4.1.
package font

import _ "embed"

var (
	//go:embed regular.ttf
	regular []byte
	//go:embed bold.ttf
	bold []byte
)

// Regular returns the TrueType file of the upright weight. Callers must not change it.
func Regular() []byte { return regular }

// Bold returns the TrueType file of the bold weight. Callers must not change it.
func Bold() []byte { return bold }
