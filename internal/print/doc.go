// Package print draws what a counter's printer puts on paper: the label of a take-home bottle, in ZPL, and the ticket of
// the queue, in ESC/POS. It knows what stands on them and that all of it is readable; it sends nothing.
//
// Text is drawn here, dot by dot, in the house's typeface. A printer's own font cannot be relied upon: the scalable font of
// label printers has no Vietnamese letters in most firmware, and the code pages of ticket printers differ. Only a drawn text
// also lets this package know how wide a line is, so that nothing is cut: a text that is too long is set smaller, and what
// may be shortened ends in an ellipsis that everybody sees. A dose, a date or a lot is never shortened; a label on which
// one does not fit is an error. The QR code alone is left to the printer, which draws its squares sharp.
package print
