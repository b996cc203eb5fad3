// Package decode says what bytes on the line of a device mean, for people and programs that look at a line: one list of
// frames, whatever the protocol, in the words of one vocabulary, which [Schema] describes.
//
// The codecs of pkg/protocol read the frames; here stands only how their messages are told. Nothing is guessed: a
// broken frame yields no value. It is skipped, or told as an error where its limits are certain and its check is wrong.
package decode
