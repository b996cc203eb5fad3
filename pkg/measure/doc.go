// Package measure holds the three quantities of dispensing as exact integers: [Mass] in micrograms, [Volume] in
// microlitres and [Concentration] in micrograms per millilitre, and their printing and strict parsing in English
// and Vietnamese.
//
// There are no floats between a prescription and a pump. An operation that cannot be exact reports an error; it
// never rounds. The one deliberate exception is [Density.Volume], which turns a weighed mass into a volume: a
// weighing is an observation with a resolution of its own, and the rounding rule stands with the method.
package measure
