package store

// statements holds the longer SQL texts in the words of the engine, made once at Open.
type statements struct {
	situation, lockSituation string
	lockDispensing           string
	dispensing               string
	begin, advance           string // PostgreSQL only: whole changes as one statement each
	appendEvent              string // PostgreSQL only
	appendRecord             string // PostgreSQL only
}

func prepareStatements(d dialect) (statements, error) {
	return statements{
		situation:      d.sql(situationSQL(false)),
		lockSituation:  d.sql(situationSQL(true)),
		lockDispensing: d.sql(lockDispensingSQL),
		dispensing:     d.sql(dispensingSQL),
		begin:          beginSQL,
		advance:        advanceSQL,
		appendEvent:    appendEventSQL,
		appendRecord:   appendRecordSQL,
	}, nil
}
