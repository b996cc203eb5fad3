package store

// Texts are the statements of a dose in the words of the engine, with their parameters as $1, $2, …. A benchmark runs
// them without this package around them, to know what the package costs.
type Texts struct {
	LockSituation  string
	LockDispensing string
	Begin          string // PostgreSQL only, like those below
	Advance        string
	AppendEvent    string
	AppendRecord   string
}

// Texts returns the statements that this store runs.
func (s *Store) Texts() Texts {
	return Texts{
		LockSituation: s.q.lockSituation, Begin: s.q.begin, LockDispensing: s.q.lockDispensing, Advance: s.q.advance,
		AppendEvent: s.q.appendEvent, AppendRecord: s.q.appendRecord,
	}
}
