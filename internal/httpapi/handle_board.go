package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
)

// The board hangs in the waiting room, where nobody is signed in and nobody should be: a session there would be anybody's.
// It is found by an address that only the server can make, and that shows nothing which the room does not see anyway.

// boardKey is the secret part of the address of a clinic's board. 80 bits are more than anybody can guess at over a network.
func (s *Server) boardKey(number int) string {
	h := hmac.New(sha256.New, s.key.Seed())
	fmt.Fprintf(h, "board of clinic %d", number)
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:10]))
}

// ReadBoardAddress tells where the waiting room's screen finds the board.
func (s *Server) ReadBoardAddress(ctx context.Context, _ gen.ReadBoardAddressRequestObject) (gen.ReadBoardAddressResponseObject, error) {
	c, err := s.clinics.Clinic(ctx, principalOf(ctx).clinic)
	return gen.ReadBoardAddress200JSONResponse{Path: fmt.Sprintf("/tv/%d/%s", c.Number, s.boardKey(c.Number))}, err
}

var errNoBoard = fault.New(fault.NotFound, "board.not_found", "there is no board at this address")

// boardOf finds the clinic of an address. A wrong key and a clinic that does not exist are the same to whoever asks.
func (s *Server) boardOf(ctx context.Context, number int, key string) (clinic.Clinic, error) {
	if !hmac.Equal([]byte(key), []byte(s.boardKey(number))) {
		return clinic.Clinic{}, errNoBoard
	}
	all, err := s.clinics.Clinics(ctx)
	if err != nil {
		return clinic.Clinic{}, err
	}
	for _, c := range all {
		if c.Number == number {
			return c, nil
		}
	}
	return clinic.Clinic{}, errNoBoard
}

// ReadPublicBoard shows the board to whoever has its address.
func (s *Server) ReadPublicBoard(ctx context.Context, r gen.ReadPublicBoardRequestObject) (gen.ReadPublicBoardResponseObject, error) {
	c, err := s.boardOf(ctx, r.Number, r.Key)
	if err != nil {
		return nil, err
	}
	out, err := s.board(ctx, c.ID)
	return gen.ReadPublicBoard200JSONResponse(out), err
}

// StreamPublicBoard follows the board for whoever has its address.
func (s *Server) StreamPublicBoard(ctx context.Context, r gen.StreamPublicBoardRequestObject) (gen.StreamPublicBoardResponseObject, error) {
	c, err := s.boardOf(ctx, r.Number, r.Key)
	if err != nil {
		return nil, err
	}
	return boardStream{topicStream{ctx: ctx, s: s, topic: clinicTopic(c.ID)}, c.ID}, nil
}

// boardStream sends the board at the start and after each change.
type boardStream struct {
	topicStream
	clinic clinic.ID
}

// StreamBoard follows the public board.
func (s *Server) StreamBoard(ctx context.Context, _ gen.StreamBoardRequestObject) (gen.StreamBoardResponseObject, error) {
	p := principalOf(ctx)
	return boardStream{topicStream{ctx: ctx, s: s, topic: clinicTopic(p.clinic), who: &p}, p.clinic}, nil
}

// VisitStreamBoardResponse writes the stream.
func (b boardStream) VisitStreamBoardResponse(w http.ResponseWriter) error { return b.write(w) }

// VisitStreamPublicBoardResponse writes the stream.
func (b boardStream) VisitStreamPublicBoardResponse(w http.ResponseWriter) error { return b.write(w) }

func (b boardStream) write(w http.ResponseWriter) error {
	b.translate = b.board
	if first, ok := b.board(event{name: "queue"}); ok {
		b.first = &first
	}
	return b.run(w)
}

// board turns a change of the queue into the board as it is after it; every other change says nothing to the public. The
// board is no event that could be missed: whoever comes back gets it whole.
func (b boardStream) board(e event) (event, bool) {
	if e.name != "queue" && e.name != "station" {
		return event{}, false
	}
	board, err := b.s.board(b.ctx, b.clinic)
	if err != nil {
		return event{}, false
	}
	data, err := json.Marshal(board)
	return event{name: "board", data: data}, err == nil
}
