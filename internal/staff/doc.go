// Package staff owns the people who work at a clinic, their roles, the one table of who may do what, and how a person
// proves who they are.
//
// A person signs in with username and password ([Service.SignIn]), and from then on switches and signs with a badge or a
// name and a PIN ([Service.SwitchTo], [Service.CheckPIN]). Two-person acts take a [Pair]: two people, two credentials,
// nobody witnessing themself. A PIN is set by its owner alone, who proves the password; an administrator who resets a
// password takes the PIN away with it, so that nobody signs in another's name unseen.
//
// Failures are counted in the database, so a restart frees nobody. An attempt is counted before it is checked, and a
// name that does not exist costs the same work and earns the same lock as one that does.
package staff
