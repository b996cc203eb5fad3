// Package rush owns the model of a clinic's morning: patients arrive, wait in one line, and are served at windows. It is a
// seeded simulation of what happens when, on whatever floor it is run: a line in memory, or a real server that decides who
// is next. Beside it stand the formulas of queueing theory, which know the answer where there is one, so that the model can
// be held against them before anybody believes it.
//
// The model is physics, not record: it uses floating point, and nothing of it reaches a dose.
package rush
