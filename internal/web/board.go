package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// boardCalls is how many calls the board shows: those that can be read from the last row.
const boardCalls = 6

// boardView is the public board.
type boardView struct {
	Called       []boardCall
	Waiting      []int
	WaitingCount int
	Wait         string // of whoever comes now, "" when nobody knows
	Bell         string // changes with each call, so that it can be heard
	Page, Stream string // where it reads itself again
	Address      string // of the board for the waiting room's screen; "" but for those who hang it up
}

type boardCall struct {
	Number int
	Window string
	Fresh  bool // called, and not at the window yet
}

// showBoard is the board for somebody who is signed in.
func showBoard(c *screen) error {
	b, err := call[clinicapi.Board](c.api.ReadBoard(c.r.Context()))
	if err != nil {
		return err
	}
	v := boardView{Page: "/board", Stream: "/v1/board/stream"}
	if c.may("clinic.manage") && !c.htmx() {
		a, err := call[clinicapi.BoardAddress](c.api.ReadBoardAddress(c.r.Context()))
		if err != nil {
			return err
		}
		v.Address = origin(c.r) + a.Path
	}
	return c.board(b, v)
}

// origin is the address of this site as the reader's browser has it.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" { // it is only shown
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// showPublicBoard is the board on the waiting room's screen, where nobody is signed in: its address is its key.
func showPublicBoard(c *screen) error {
	number, err := strconv.Atoi(c.r.PathValue("number"))
	if err != nil {
		return errNoPage
	}
	key := c.r.PathValue("key")
	b, err := call[clinicapi.Board](c.api.ReadPublicBoard(c.r.Context(), number, key))
	if err != nil {
		return err
	}
	c.session.Clinic.Name, c.session.Demo = b.Clinic, b.Demo
	at := strconv.Itoa(number) + "/" + key
	return c.board(b, boardView{Page: "/tv/" + at, Stream: "/v1/public-boards/" + at + "/stream"})
}

func (c *screen) board(b clinicapi.Board, v boardView) error {
	v.Waiting, v.WaitingCount = b.Waiting, b.WaitingCount
	for i, call := range b.Called {
		if i == boardCalls {
			break
		}
		v.Called = append(v.Called, boardCall{Number: call.Number, Window: call.StationName, Fresh: call.State == clinicapi.TicketStateCalled})
		if v.Bell == "" && call.State == clinicapi.TicketStateCalled {
			v.Bell = strconv.Itoa(call.Number) + " " + call.CalledAt.Format(time.RFC3339)
		}
	}
	if b.EstimateS != nil && b.WaitingCount > 0 {
		v.Wait = c.duration(*b.EstimateS)
	}
	if c.htmx() {
		return c.fragment("board", "board", v)
	}
	return c.render("board", "board", c.t("nav.board"), v)
}
