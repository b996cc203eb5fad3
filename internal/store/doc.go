// Package store keeps everything that lasts, in SQLite or PostgreSQL: it holds every SQL statement of the server, and it
// alone knows GORM.
//
// [Open] returns one [Store] for either engine. Each domain package declares the small interface of what it needs saved;
// Store gives each its own view ([Store.Patients], [Store.Dispensings], …), and one [Tx] serves them all.
//
// Rows are locked in one order everywhere: patient, dispensing, station, device, lot, bottles by id, and last the head of
// the clinic's audit chain, which a transaction takes right before it commits. On SQLite there is one writer and no
// order to keep.
//
// A statement is written once, in PostgreSQL's words, and its text never changes between calls, so that each connection
// parses it once; see [dialect].
package store
