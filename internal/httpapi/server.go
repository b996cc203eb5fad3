package httpapi

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/lieu-clinic/lieu/api"
	"github.com/lieu-clinic/lieu/internal/calibration"
	"github.com/lieu-clinic/lieu/internal/clinic"
	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/equipment"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/httpapi/gen"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/internal/print"
	"github.com/lieu-clinic/lieu/internal/queue"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
)

// Services are the domain services behind the interface.
type Services struct {
	Clinics       *clinic.Service
	Staff         *staff.Service
	Patients      *patient.Service
	Prescriptions *prescription.Service
	Queue         *queue.Service
	Equipment     *equipment.Service
	Stock         *stock.Service
	Dispensing    *dispensing.Service
	Calibration   *calibration.Service
	// Records reads what no single noun owns: the registers, the audit, the incidents.
	Records Records
	// Trail reads the chain of changes.
	Trail Trail
	// Codes recognises the one-time codes of counters.
	Codes equipment.Codes
	// Packs finds a rule pack, so that only one that exists is adopted.
	Packs dispensing.Packs
}

// Observer counts what is served. Its methods are called from many goroutines and must not block.
type Observer interface {
	// Served is called after each request with the route's template, "" for none.
	Served(method, route string, status int, took time.Duration)
}

// Config is what a Server needs beside the services. Zero fields have defaults where they say so.
type Config struct {
	Log      *slog.Logger
	Now      func() time.Time
	Sessions scs.CtxStore
	// Key signs orders to the counters.
	Key ed25519.PrivateKey
	Hub *Hub
	// Observer may be nil.
	Observer Observer
	// Ready reports what keeps the server from working, nil when nothing does.
	Ready func(context.Context) error
	// SecureCookies is set where browsers reach the server by HTTPS only.
	SecureCookies bool
	// TrustedProxies are the addresses whose X-Forwarded-For is believed; nil for none.
	TrustedProxies []string
}

// Server is the REST interface. It is safe for concurrent use.
type Server struct {
	log         *slog.Logger
	now         func() time.Time
	clinics     *clinic.Service
	staff       *staff.Service
	patients    *patient.Service
	orders      *prescription.Service
	queue       *queue.Service
	equipment   *equipment.Service
	stock       *stock.Service
	dispensing  *dispensing.Service
	calibration *calibration.Service
	records     Records
	trail       Trail
	codes       equipment.Codes
	packs       dispensing.Packs

	routes   *routes
	formats  []openapi3.SchemaValidationOption
	messages *messages
	sessions *scs.SessionManager
	members  *cache[memberKey, staff.Member]
	stations *cache[equipment.StationID, equipment.Station]
	names    *cache[clinic.ID, map[string]string]
	signIns  *limiter
	key      ed25519.PrivateKey
	hub      *Hub
	readings *readings
	scans    *scanMarks
	press    *print.Press
	prints   *prints
	observer Observer
	ready    func(context.Context) error
	handler  http.Handler
	closing  chan struct{}
	closed   sync.Once
}

var _ gen.StrictServerInterface = (*Server)(nil)

// New returns a ready Server. It fails on a contract or a catalogue that is not whole.
func New(sv Services, cfg Config) (*Server, error) {
	routes, err := loadRoutes()
	if err != nil {
		return nil, err
	}
	messages, err := newMessages()
	if err != nil {
		return nil, err
	}
	press, err := print.New()
	if err != nil {
		return nil, err
	}
	s := &Server{
		press: press, prints: newPrints(),
		log: cfg.Log, now: cfg.Now, clinics: sv.Clinics, staff: sv.Staff, patients: sv.Patients, orders: sv.Prescriptions,
		queue: sv.Queue, equipment: sv.Equipment, stock: sv.Stock, dispensing: sv.Dispensing, calibration: sv.Calibration, records: sv.Records,
		trail: sv.Trail, codes: sv.Codes, packs: sv.Packs,
		routes: routes, formats: formats(), messages: messages,
		sessions: newSessions(cfg.Sessions, cfg.Now, cfg.SecureCookies),
		members:  newCache[memberKey, staff.Member](cfg.Now, 1000),
		stations: newCache[equipment.StationID, equipment.Station](cfg.Now, 1000),
		names:    newCache[clinic.ID, map[string]string](cfg.Now, 200),
		signIns:  newLimiter(cfg.Now), key: cfg.Key, hub: cfg.Hub, readings: newReadings(), scans: newScanMarks(),
		observer: cfg.Observer, ready: cfg.Ready, closing: make(chan struct{}),
	}
	if s.observer == nil {
		s.observer = unobserved{}
	}
	if s.ready == nil {
		s.ready = func(context.Context) error { return nil }
	}
	engine, err := s.engine(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	s.handler = s.withExchange(s.withLog(s.withRecovery(s.withOrigin(s.withSession(engine)))))
	return s, nil
}

type unobserved struct{}

func (unobserved) Served(string, string, int, time.Duration) {}

// Handler serves the interface under /v1, its documentation under /docs, and /livez and /readyz.
func (s *Server) Handler() http.Handler { return s.handler }

// CloseStreams ends every live stream, so that the HTTP server can shut down: a stream never ends by itself. New ones end
// at once. Clients come back to whichever server is there.
func (s *Server) CloseStreams() { s.closed.Do(func() { close(s.closing) }) }

// engine wires gin. Only what is told here is on: no logger or recovery of its own, no believed proxies, no redirects.
func (s *Server) engine(proxies []string) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.ContextWithFallback = true
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	if err := e.SetTrustedProxies(proxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	e.NoRoute(func(c *gin.Context) { s.abort(c, fault.New(fault.NotFound, keyRoute, "no such route")) })
	e.NoMethod(func(c *gin.Context) { s.abort(c, fault.New(fault.Invalid, keyMethod, "no such method here")) })

	e.GET("/livez", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.readyz)
	e.GET(base+"/openapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/yaml", api.OpenAPI) })
	docs := v5emb.NewHandlerWithConfig(swgui.Config{Title: "Lieu", SwaggerJSON: base + "/openapi.yaml", BasePath: "/docs/"})
	e.GET("/docs/*any", gin.WrapH(docs))
	e.GET("/docs", func(c *gin.Context) { c.Redirect(http.StatusFound, "/docs/") })

	v1 := e.Group("", s.guard)
	strict := gen.NewStrictHandlerWithOptions(s, []gen.StrictMiddlewareFunc{detached}, gen.StrictGinServerOptions{
		RequestErrorHandlerFunc:  s.malformed,
		HandlerErrorFunc:         s.abort,
		ResponseErrorHandlerFunc: s.abort,
	})
	gen.RegisterHandlersWithOptions(v1, strict, gen.GinServerOptions{
		BaseURL:      base,
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.malformed(c, err) },
	})
	return e, s.complete(e)
}

// detached gives the handler a context that stays valid after gin has taken its own back for another request.
func detached(f gen.StrictHandlerFunc, _ string) gen.StrictHandlerFunc {
	return func(c *gin.Context, request any) (any, error) { return f(c.Copy(), request) }
}

func (s *Server) malformed(c *gin.Context, err error) {
	s.abort(c, fault.New(fault.Invalid, keyMalformed, "%w", err))
}

// complete checks that every operation of the contract has a route.
func (s *Server) complete(e *gin.Engine) error {
	served := map[string]bool{}
	for _, r := range e.Routes() {
		served[r.Method+" "+r.Path] = true
	}
	for key, o := range s.routes.byKey {
		if !served[key] {
			return fmt.Errorf("operation %s has no route %s", o.id, key)
		}
	}
	return nil
}

func (s *Server) readyz(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		exchangeOf(c.Request.Context()).cause = err
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	c.String(http.StatusOK, "ready\n")
}

// withOrigin refuses what a page of another site makes a browser send.
func (s *Server) withOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fault.New(fault.Forbidden, keyOrigin, "request of another site's page"))
	}))
	return guard.Handler(next)
}

// withRecovery turns a panic into a problem. The stack goes to the log.
func (s *Server) withRecovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.fail(w, r, &panicked{value: v, stack: stack()})
		}()
		next.ServeHTTP(w, r)
	})
}

// value is what an optional parameter points to, or zero.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func errNotFound(noun, id string) error {
	return fault.New(fault.NotFound, noun+".not_found", "%s %s is not of this clinic", noun, id)
}

// rawObject reads stored JSON as an object for the wire; anything else becomes absent.
func rawObject(b json.RawMessage) map[string]any {
	var out map[string]any
	if len(b) == 0 || json.Unmarshal(b, &out) != nil {
		return nil
	}
	return out
}

// notes reads the reasons that a dispensing keeps.
func (s *Server) notes(lang string, b json.RawMessage) []gen.Reason {
	var rs []dosing.Reason
	if json.Unmarshal(b, &rs) != nil {
		rs = nil
	}
	return s.reasons(lang, rs)
}
