// Package bench measures the server against what its machine could do at best: the same statements, in the same run, on
// the same database, without the layers of the program around them. It holds benchmarks and what they need, and no code
// of the product. What the numbers said last is in docs/performance.md.
//
// A benchmark repeats rounds. In each round the limit works for a while and then the server does, so that a machine that
// becomes slower or faster meanwhile does so for both. After the last round the record is checked: every link of every
// chain, every balance and every id; a fast server with a broken record fails.
package bench
