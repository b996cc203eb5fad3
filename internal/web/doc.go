// Package web is the clinic's screens: server-rendered pages, htmx for the window, and live readings over server-sent
// events. A screen is a client of the API like any other: it asks the API's handler in this process, with the cookies
// and the language of the browser it serves, so who may do what, what is valid and what is audited is decided there and
// nowhere else. This package keeps no state.
//
// Texts come from locales/, Vietnamese first; quantities are printed by package measure, and times in the clinic's zone.
// The pages load nothing from elsewhere and run under a content security policy without inline code.
package web
