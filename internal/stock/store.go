package stock

import (
	"context"
	"encoding/json"

	"github.com/lieu-clinic/lieu/internal/audit"
	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/clinic"
)

// Ledger keeps products, lots, bottles, documents and moves. It is this package's store; [Store] is an account.
type Ledger interface {
	// InTx runs fn in one transaction of one clinic and commits when it returns nil. fn may run more than once.
	InTx(ctx context.Context, c clinic.ID, fn func(Tx) error) error
	// Products lists the clinic's products by name.
	Products(ctx context.Context, c clinic.ID) ([]Product, error)
	// Lot reads one. fault.NotFound when there is none in this clinic.
	Lot(ctx context.Context, c clinic.ID, id LotID) (Lot, error)
	// Lots lists the clinic's lots by expiry.
	Lots(ctx context.Context, c clinic.ID) ([]Lot, error)
	// Bottle reads one with its balance, without locking it. fault.NotFound when there is none in this clinic.
	Bottle(ctx context.Context, c clinic.ID, id BottleID) (Bottle, error)
	// BottleByCode finds a bottle by its label. fault.NotFound when there is none in this clinic.
	BottleByCode(ctx context.Context, c clinic.ID, code string) (Bottle, error)
	// Bottles lists bottles with their balances, by id.
	Bottles(ctx context.Context, f BottleFilter) ([]Bottle, error)
	// LotBalances adds up the balances of each lot's bottles; a lot without bottles is missing.
	LotBalances(ctx context.Context, c clinic.ID) (map[LotID]Balance, error)
	// Moves lists moves, newest first.
	Moves(ctx context.Context, f MoveFilter) ([]Move, error)
	// Document reads one. fault.NotFound when there is none in this clinic.
	Document(ctx context.Context, c clinic.ID, id DocumentID) (Document, error)
	// Documents lists documents, newest first.
	Documents(ctx context.Context, f DocumentFilter) ([]Document, error)
	// Draft reads one. fault.NotFound when there is none in this clinic.
	Draft(ctx context.Context, c clinic.ID, id DocumentID) (Draft, error)
	// Drafts lists those that are neither posted nor dropped, newest first.
	Drafts(ctx context.Context, c clinic.ID) ([]Draft, error)
	// Weights lists the weighings of a bottle, oldest first.
	Weights(ctx context.Context, c clinic.ID, b BottleID) ([]Weight, error)
	// Setting reads the clinic's own, DefaultSetting when it has none.
	Setting(ctx context.Context, c clinic.ID) (Setting, error)
	// Session reads one. fault.NotFound when there is none in this clinic.
	Session(ctx context.Context, c clinic.ID, id SessionID) (Session, error)
	// Sessions lists those of a day, and every one that is not closed, newest first.
	Sessions(ctx context.Context, c clinic.ID, day calendar.Day) ([]Session, error)
	// Count reads one with its entries. fault.NotFound when there is none in this clinic.
	Count(ctx context.Context, c clinic.ID, id CountID) (Count, []Entry, error)
	// Counts lists counts, newest first: of one session, or all when it is "".
	Counts(ctx context.Context, c clinic.ID, session SessionID, limit int) ([]Count, error)
	// Variances lists differences, oldest first.
	Variances(ctx context.Context, f VarianceFilter) ([]Variance, error)
	// Trace lists every dose poured from a lot's bottles, oldest first.
	Trace(ctx context.Context, c clinic.ID, l LotID) ([]TracedDose, error)
	// PatientLots lists the doses poured for a patient, oldest first.
	PatientLots(ctx context.Context, c clinic.ID, patient string) ([]TracedDose, error)
	// Consumption adds up what was given on each day from a day on, of each product.
	Consumption(ctx context.Context, c clinic.ID, since calendar.Day) ([]DayUse, error)
}

// Papers are the steps of a transaction about drafts, places and weighings.
type Papers interface {
	// LockDraft reads a draft and keeps others from changing it. fault.NotFound when there is none in this clinic.
	LockDraft(ctx context.Context, id DocumentID) (Draft, error)
	// InsertDraft adds one. fault.Conflict when the id is taken.
	InsertDraft(ctx context.Context, d Draft) error
	// UpdateDraft writes everything but who made it and when.
	UpdateDraft(ctx context.Context, d Draft) error
	// Place puts a bottle, which the caller has locked, somewhere else.
	Place(ctx context.Context, p Placement) error
	// AddWeights adds weighings.
	AddWeights(ctx context.Context, w []Weight) error
	// EarlierExpiry finds a sealed bottle at hand of the same product and a released lot that expires before l and not
	// before today. code is "" when there is none.
	EarlierExpiry(ctx context.Context, l Lot, today calendar.Day) (code string, expiry calendar.Day, err error)
	// LockCounter reads what stands at a station and keeps others from changing it. fault.NotFound when it is not of this
	// clinic.
	LockCounter(ctx context.Context, station string) (Counter, error)
	// Mount puts a bottle under the pump of a station, "" for none. A check of the pump with another lot is void then.
	Mount(ctx context.Context, station string, b BottleID, now calendar.Instant) error
	// StationOf returns where a bottle is mounted, "" for nowhere.
	StationOf(ctx context.Context, b BottleID) (string, error)
}

// Counting are the steps of a transaction about counter sessions and counts.
type Counting interface {
	// FindSetting reads the clinic's own, DefaultSetting when it has none.
	FindSetting(ctx context.Context) (Setting, error)
	// PutSetting writes it.
	PutSetting(ctx context.Context, s Setting) error
	// DayClosed reports whether the clinic had counter sessions on a day and all are closed.
	DayClosed(ctx context.Context, d calendar.Day) (bool, error)
	// LockSession reads a session and keeps others from changing it. fault.NotFound when there is none in this clinic.
	LockSession(ctx context.Context, id SessionID) (Session, error)
	// InsertSession adds one. fault.Conflict when the station has one that is not closed, or had this shift today.
	InsertSession(ctx context.Context, s Session) error
	// UpdateSession writes the state with its circumstances.
	UpdateSession(ctx context.Context, s Session) error
	// OverdueSessions lists those not closed of days before today that no alarm was given for.
	OverdueSessions(ctx context.Context, today calendar.Day) ([]Session, error)
	// LockCount reads a count and keeps others from changing it. fault.NotFound when there is none in this clinic.
	LockCount(ctx context.Context, id CountID) (Count, error)
	// InsertCount adds one. fault.Conflict when its session has one under way.
	InsertCount(ctx context.Context, c Count) error
	// UpdateCount writes the state and when it was settled.
	UpdateCount(ctx context.Context, c Count) error
	// Entries lists what people entered for a count.
	Entries(ctx context.Context, id CountID) ([]Entry, error)
	// InsertEntries adds what one person found.
	InsertEntries(ctx context.Context, e []Entry) error
	// CounterBottles lists the bottles to count at a station: the one that stands there, and those in the day cabinet that
	// stand at none. With station "" those in the store.
	CounterBottles(ctx context.Context, station string) ([]BottleID, error)
	// Evidence reads what was poured from a bottle since it was last counted, else opened.
	Evidence(ctx context.Context, b BottleID) (Evidence, error)
	// LastCounter returns the station at which a bottle was poured from last, "" for none, and the newest session of that
	// station, the zero Session for none.
	LastCounter(ctx context.Context, b BottleID) (station string, ses Session, err error)
	// InsertVariances adds what a count found.
	InsertVariances(ctx context.Context, v []Variance) error
}

// Incident is a fact that breaks a rule of the record.
type Incident struct {
	ID     string
	Kind   string
	Data   json.RawMessage
	Opened calendar.Instant
}

// Tx is one transaction of one clinic. Rows are locked lot, then bottles by id.
type Tx interface {
	// FindProduct reads a product of this clinic. fault.NotFound when there is none.
	FindProduct(ctx context.Context, id ProductID) (Product, error)
	// InsertProduct adds a product. fault.Conflict when the id is taken.
	InsertProduct(ctx context.Context, p Product) error
	// LockLot reads a lot and keeps others from changing it. fault.NotFound when not of this clinic.
	LockLot(ctx context.Context, id LotID) (Lot, error)
	// InsertLot adds a lot. fault.Conflict when the id, or the number of that product, is taken.
	InsertLot(ctx context.Context, l Lot) error
	// UpdateLot writes the state and the density with its circumstances; nothing else of a lot changes.
	UpdateLot(ctx context.Context, l Lot) error

	// NextBottleSerial returns a number that no bottle of the clinic ever had: 1, 2, ….
	NextBottleSerial(ctx context.Context) (int, error)
	// InsertBottle adds a bottle with nothing on any account. fault.Conflict when the id or the code is taken.
	InsertBottle(ctx context.Context, b Bottle) error
	// LockBottle reads a bottle with its balance and keeps others from changing either. fault.NotFound when not of
	// this clinic.
	LockBottle(ctx context.Context, id BottleID) (Bottle, error)
	// LockBottles locks and reads every bottle of a lot, in the order of their ids.
	LockBottles(ctx context.Context, l LotID) ([]Bottle, error)
	// UpdateBottle writes State, TareWeight, OpenedAt and OpenedGross; balances change by moves only, and the place by
	// Place.
	UpdateBottle(ctx context.Context, b Bottle) error

	// PostMoves appends moves and changes the balances of their bottles, which the caller has locked. The balances
	// after each move are filled in by the store, in the order given.
	PostMoves(ctx context.Context, moves []Move) error
	// FindMove reads a move of this clinic. fault.NotFound when there is none.
	FindMove(ctx context.Context, id MoveID) (Move, error)
	// MoveReversed reports whether some move reverses this one.
	MoveReversed(ctx context.Context, id MoveID) (bool, error)

	// FindDocument reads a document of this clinic. fault.NotFound when there is none.
	FindDocument(ctx context.Context, id DocumentID) (Document, error)
	// InsertDocument adds a posted document. fault.Conflict when the id is taken.
	InsertDocument(ctx context.Context, d Document) error

	Papers
	Counting

	// OpenIncident adds a fact that breaks a rule of the record.
	OpenIncident(ctx context.Context, in Incident) error
	// Record appends an audit entry to the clinic's chain.
	Record(ctx context.Context, e audit.Entry) error
}

// DocumentID identifies a document.
type DocumentID string

// DocumentKind is what a document is for.
type DocumentKind string

// The kinds of document.
const (
	Receipt      DocumentKind = "receipt"
	Opening      DocumentKind = "open"
	Wasting      DocumentKind = "waste"
	Purging      DocumentKind = "purge"
	LossReport   DocumentKind = "loss"
	SurplusFound DocumentKind = "surplus"
	Return       DocumentKind = "return"
	Emptying     DocumentKind = "empty"
	Breaking     DocumentKind = "break"
	Destroying   DocumentKind = "destroy"
	Reversal     DocumentKind = "reversal"
	Transfer     DocumentKind = "transfer"
	Changing     DocumentKind = "change" // the bottle at a pump
	Consolidate  DocumentKind = "consolidate"
	Abnormal     DocumentKind = "abnormal" // minutes of what was found: nothing moves
	Quarantining DocumentKind = "quarantine"
	Recalling    DocumentKind = "recall"
	Releasing    DocumentKind = "release"
)

// Document is the paper behind moves: who did it, who stood by, and why. It is posted with its moves in one transaction,
// never edited, and answered by a reversal. Its id is made by whoever starts the act.
type Document struct {
	ID       DocumentID
	Clinic   clinic.ID
	Kind     DocumentKind
	By       string // staff id
	Witness  string // staff id, "" for an act of one person
	Reason   string
	Party    string          // the other side of a receipt or return: name and address
	Number   string          // of the delivery minutes or letter, as printed on paper
	Data     json.RawMessage // what the kind needs beside its moves
	Occurred calendar.Instant
	Recorded calendar.Instant
}

// BottleFilter chooses bottles of one clinic. Zero fields choose all.
type BottleFilter struct {
	Clinic clinic.ID
	Lot    LotID
	States []BottleState
	IDs    []BottleID // only these; none for all
	After  BottleID   // only greater ids; "" for the first page
	Limit  int        // 1–500, 0 for 100
}

// MoveFilter chooses moves of one clinic. Zero fields choose all.
type MoveFilter struct {
	Clinic   clinic.ID
	Lot      LotID
	Bottle   BottleID
	Document DocumentID       // the moves with this cause
	From, To calendar.Instant // by Occurred: From included, To not
	Before   MoveID           // only smaller ids; "" for the first page
	Limit    int              // 1–500, 0 for 100
}

// DocumentFilter chooses documents of one clinic. Zero fields choose all.
type DocumentFilter struct {
	Clinic   clinic.ID
	Kinds    []DocumentKind
	From, To calendar.Instant // by Occurred: From included, To not
	Before   DocumentID       // only smaller ids; "" for the first page
	Limit    int              // 1–500, 0 for 100
}
