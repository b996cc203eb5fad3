package httpapi

import (
	"context"
	"crypto/ed25519"

	"github.com/gin-gonic/gin"

	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// unlockedBy lists the operations of a locked session.
var unlockedBy = []string{"SwitchSession", "SignOut", "LockSession", "ReadSession"}

// guard is the way into every operation: it must be in the contract, whoever asks must be permitted, and the request
// must keep to the contract.
func (s *Server) guard(c *gin.Context) {
	if c.FullPath() == "" {
		return // no such route: answered below
	}
	o, ok := s.routes.find(c.Request.Method, c.FullPath())
	if !ok {
		s.abort(c, fault.New(fault.NotFound, keyRoute, "route is not in the contract"))
		return
	}
	x := exchangeOf(c.Request.Context())
	x.route, x.action = o.template(), string(o.action)
	p, err := s.admit(c, o)
	if err != nil {
		s.abort(c, err)
		return
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), principalKey{}, p))
	if err := s.checkContract(c, o); err != nil {
		s.abort(c, err)
	}
}

// admit says who makes the request, or why they may not.
func (s *Server) admit(c *gin.Context, o *operation) (principal, error) {
	switch {
	case o.action == public:
		return principal{}, nil
	case o.station():
		return s.admitStation(c, o)
	default:
		return s.admitPerson(c, o)
	}
}

func (s *Server) admitPerson(c *gin.Context, o *operation) (principal, error) {
	x := exchangeOf(c.Request.Context())
	p, err := s.person(c.Request.Context())
	if err != nil {
		return principal{}, err
	}
	x.actor = string(p.member.ID)
	if p.locked && !allowedLocked(o.id) {
		return principal{}, fault.New(fault.Unauthorized, keyLocked, "session is locked")
	}
	if err := p.member.Require(p.clinic, o.action); err != nil {
		return principal{}, err
	}
	return p, nil
}

func allowedLocked(op string) bool {
	for _, known := range unlockedBy {
		if known == op {
			return true
		}
	}
	return false
}

// admitStation checks the signature of a counter's request over method, address, time and body.
func (s *Server) admitStation(c *gin.Context, o *operation) (principal, error) {
	r := c.Request
	unknown := fault.New(fault.Unauthorized, keyStation, "not signed by a station")
	claim, ok := stationlog.ParseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return principal{}, unknown
	}
	key, err := id.Parse[equipment.StationID](claim.Station)
	if err != nil {
		return principal{}, unknown
	}
	exchangeOf(r.Context()).actor = string(key)
	st, err := s.station(r.Context(), key)
	if err != nil {
		return principal{}, err
	}
	body, err := readBody(c.Writer, r, o.maxBody, s.now())
	if err != nil {
		return principal{}, err
	}
	if err := claim.Check(ed25519.PublicKey(st.PublicKey), r.Method, r.URL.RequestURI(), s.now(), body); err != nil {
		return principal{}, fault.New(fault.Unauthorized, keyStation, "station %s: %w", st.ID, err)
	}
	if c.Param("id") != claim.Station {
		return principal{}, fault.New(fault.Forbidden, keyStationSelf, "station %s asks for another", st.ID)
	}
	if !staff.Permitted(staff.StationRole, o.action) {
		return principal{}, fault.New(fault.Forbidden, keyMayNot, "a station may not %s", o.action)
	}
	return principal{clinic: st.Clinic, station: string(st.ID)}, nil
}

// station reads an enrolled station as it was at most cacheFor ago; its key is what matters.
func (s *Server) station(ctx context.Context, key equipment.StationID) (equipment.Station, error) {
	return s.stations.get(key, func() (equipment.Station, error) { return s.equipment.Identify(ctx, key) })
}
