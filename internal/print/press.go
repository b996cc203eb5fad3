package print

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"

	"github.com/lieu-clinic/lieu/internal/font"
)

// Errors of drawing. Match with errors.Is.
var (
	// ErrIncomplete: something that must stand on the paper was not given.
	ErrIncomplete = errors.New("incomplete")
	// ErrContradiction: milligrams and millilitres do not say the same dose.
	ErrContradiction = errors.New("the mass and the volume of the dose differ")
	// ErrFit: a text that may not be shortened does not fit, however small.
	ErrFit = errors.New("text does not fit")
	// ErrLetter: a text has a character that cannot be printed.
	ErrLetter = errors.New("a character that cannot be printed")
)

// Press draws labels and tickets. It is safe for concurrent use.
type Press struct {
	regular, bold *opentype.Font
}

// New returns a ready Press.
func New() (*Press, error) {
	regular, err := opentype.Parse(font.Regular())
	if err != nil {
		return nil, fmt.Errorf("regular typeface: %w", err)
	}
	bold, err := opentype.Parse(font.Bold())
	if err != nil {
		return nil, fmt.Errorf("bold typeface: %w", err)
	}
	return &Press{regular: regular, bold: bold}, nil
}

// style is how a text is set. Sizes are in dots.
type style struct {
	bold        bool
	size, least int  // from as large to as small
	lines       int  // at most; 0 is 1
	shorten     bool // an ellipsis may stand for its end
}

const ellipsis = "…"

// block is text in its lines, as it will be drawn.
type block struct {
	face   xfont.Face
	size   int
	ascent int // of the highest letter above the line that it stands on
	height int // of one line
	lines  []string
	short  bool // an ellipsis stands for the end
}

// set finds the largest size at which the text fits into width and height, in as many lines as the style allows.
func (p *Press) set(text string, width, height int, s style) (block, error) {
	family := p.regular
	if s.bold {
		family = p.bold
	}
	text = strings.Join(strings.Fields(norm.NFC.String(text)), " ")
	if err := printable(family, text); err != nil {
		return block{}, err
	}
	for size := s.size; size >= s.least; size -= max(1, size/16) {
		b, err := newBlock(family, size)
		if err != nil {
			return block{}, err
		}
		if b.lines = b.wrap(text, width); b.fits(width, height, s) {
			return b, nil
		}
	}
	if !s.shorten {
		return block{}, ErrFit
	}
	b, err := newBlock(family, s.least)
	if err != nil {
		return block{}, err
	}
	return b, b.cut(text, width, height, s)
}

// printable refuses what the typeface has no glyph for: it would be a box, or nothing.
func printable(family *opentype.Font, text string) error {
	if text == "" {
		return ErrIncomplete
	}
	var buf sfnt.Buffer
	for _, r := range text {
		if g, err := family.GlyphIndex(&buf, r); err != nil || g == 0 || unicode.IsControl(r) {
			return fmt.Errorf("%w: %U", ErrLetter, r)
		}
	}
	return nil
}

func newBlock(family *opentype.Font, size int) (block, error) {
	face, err := opentype.NewFace(family, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: xfont.HintingFull})
	if err != nil {
		return block{}, fmt.Errorf("typeface of %d dots: %w", size, err)
	}
	// The typeface's own ascent leaves out the second mark of a capital.
	bounds, _ := xfont.BoundString(face, tallest)
	ascent, descent := -bounds.Min.Y.Floor(), max(bounds.Max.Y.Ceil(), face.Metrics().Descent.Ceil())
	return block{face: face, size: size, ascent: ascent, height: ascent + descent}, nil
}

// tallest are the letters that reach farthest up and down.
const tallest = "ẪẨẤẮẴẲỖỔỐỄỂẾỰỢỌỤỊẠgjpqyỵ()|_"

func (b block) width(line string) int { return xfont.MeasureString(b.face, line).Ceil() }

func (b block) widest() int {
	w := 0
	for _, l := range b.lines {
		w = max(w, b.width(l))
	}
	return w
}

func (b block) fits(width, height int, s style) bool {
	return len(b.lines) <= max(s.lines, 1) && b.widest() <= width && b.totalHeight() <= height
}

// wrap breaks between words. A word that is wider than the width stands on a line of its own, and does not fit.
func (b block) wrap(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		if n := len(lines); n > 0 && b.width(lines[n-1]+" "+word) <= width {
			lines[n-1] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}

// cut keeps as much of the beginning as fits before an ellipsis.
func (b *block) cut(text string, width, height int, s style) error {
	letters := []rune(text)
	for n := len(letters) - 1; n > 0; n-- {
		if unicode.Is(unicode.Mn, letters[n]) {
			continue // a letter keeps its mark
		}
		b.lines, b.short = b.wrap(strings.TrimRight(string(letters[:n]), " ")+ellipsis, width), true
		if b.fits(width, height, s) {
			return nil
		}
	}
	return ErrFit
}

// totalHeight is what all lines take.
func (b block) totalHeight() int { return b.height * len(b.lines) }

// dots are black and white dots, rows of whole bytes, the leftmost in the highest bit.
type dots struct {
	width, height int
	rowBytes      int
	bits          []byte
}

func newDots(width, height int) dots {
	rowBytes := (width + 7) / 8
	return dots{width: width, height: height, rowBytes: rowBytes, bits: make([]byte, rowBytes*height)}
}

func (d dots) black(x, y int) { d.bits[y*d.rowBytes+x/8] |= 0x80 >> (x % 8) }

// rule blackens a rectangle.
func (d dots) rule(r image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d.black(x, y)
		}
	}
}

// invert turns black to white and white to black; the fill of the last byte stays white.
func (d dots) invert() {
	for y := range d.height {
		for x := range d.width {
			d.bits[y*d.rowBytes+x/8] ^= 0x80 >> (x % 8)
		}
	}
}

// half is how dark a dot must be to be black.
const half = 0x80

// write draws the block with its upper left corner at x, y, or each line in the middle of width when centred.
func (d dots) write(b block, x, y, width int, centred bool) {
	for i, line := range b.lines {
		left := x
		if centred {
			left += (width - b.width(line)) / 2
		}
		d.line(b.face, line, left, y+i*b.height, y+i*b.height+b.ascent)
	}
}

func (d dots) line(face xfont.Face, text string, x, top, baseline int) {
	gray := image.NewGray(image.Rect(0, top, d.width, d.height))
	draw.Draw(gray, gray.Bounds(), image.NewUniform(color.Black), image.Point{}, draw.Src)
	pen := xfont.Drawer{Dst: gray, Src: image.NewUniform(color.White), Face: face, Dot: fixed.P(x, baseline)}
	pen.DrawString(text)
	for py := top; py < d.height; py++ {
		row := gray.Pix[gray.PixOffset(0, py):][:d.width]
		for px, shade := range row {
			if shade >= half {
				d.black(px, py)
			}
		}
	}
}
