// Package station is the core of the counter daemon: what one dispensing window does with its scale, pump and scanner,
// and how it proves it.
//
// # The journal
//
// Every fact is an event in a local journal before it is anything else: numbered without gaps, linked to the one before
// by hash, signed with a key that was born on this counter, and synced to the disk. Events are sent to the server in
// order for as long as that takes and are kept afterwards. Beside the events the journal keeps the step of each
// dispensing, so that an order is poured at most once in its life.
//
// # A pour and a power cut
//
//	step                                      on disk          after a crash, at the next start
//	order arrives                             –                nothing; the server sends it again
//	journal "armed"                           armed            never_commanded, reason crash_before_motion
//	empty cup weighed, pump armed             armed            the same: nothing was told to move
//	journal "dispensing": point of no return  dispensing       stop, read pump, weigh, in_doubt, reason crash
//	motion command, once                      dispensing       the same
//	volume-so-far, each one kept              and progress     the same; the last one is a lower bound
//	filled cup weighed                        dispensing       the same
//	journal "measured" or "in_doubt"          an end           reported; a new order for the same id is not poured
//
// Recovery may itself be cut short anywhere and begins again. It sends a stop and questions, never a motion.
//
// A prime or a shot of a check goes the same way. What differs is the vessel on the pan, which may hold the shots before,
// and that a prime may leave all of its liquid in the tube.
//
// # Pouring by hand
//
// Where there is no pump the screen shows the live weight against the target. The pour is finished when the cup stands
// still for two seconds with the target in it; a cup that stays under its target ends in doubt. A confirming key is not
// needed: the hand-over needs the card again, and the amount is judged from the two weights.
package station
