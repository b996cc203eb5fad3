package stationlog

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRequestIsSignedWhole(t *testing.T) {
	key := testKey('a')
	now := time.Unix(1_800_000_000, 0)
	header := Authorization("s1", "POST", "/v1/stations/s1/events?x=1", now, []byte("body"), key)
	claim, ok := ParseAuthorization(header)
	if !ok || claim.Station != "s1" {
		t.Fatalf("%q was read as %+v, %v", header, claim, ok)
	}
	for name, tc := range map[string]struct {
		method, path, body string
		late               time.Duration
		bad                bool
	}{
		"as sent":                {"POST", "/v1/stations/s1/events?x=1", "body", 0, false},
		"at the limit of skew":   {"POST", "/v1/stations/s1/events?x=1", "body", MaxSkew, false},
		"a second later":         {"POST", "/v1/stations/s1/events?x=1", "body", MaxSkew + time.Second, true},
		"from the future":        {"POST", "/v1/stations/s1/events?x=1", "body", -MaxSkew - time.Second, true},
		"another method":         {"PUT", "/v1/stations/s1/events?x=1", "body", 0, true},
		"another path":           {"POST", "/v1/stations/s2/events?x=1", "body", 0, true},
		"another query":          {"POST", "/v1/stations/s1/events?x=2", "body", 0, true},
		"another body":           {"POST", "/v1/stations/s1/events?x=1", "bodY", 0, true},
		"path and body switched": {"POST", "/v1/stations/s1/events?x=1\n", "body", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := claim.Check(public(key), tc.method, tc.path, now.Add(tc.late), []byte(tc.body))
			if tc.bad != errors.Is(err, ErrSignature) || (!tc.bad && err != nil) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := claim.Check(public(testKey('b')), "POST", "/v1/stations/s1/events?x=1", now, []byte("body")); err == nil {
		t.Error("another station's key was believed")
	}
}

func TestAuthorizationIsParsedStrictly(t *testing.T) {
	good := Authorization("s1", "GET", "/", time.Unix(1, 0), nil, testKey('a'))
	for _, bad := range []string{
		"", "Bearer x", strings.Replace(good, " ", "  ", 1), good + " ", strings.Replace(good, "s1", "", 1),
		strings.Replace(good, " 1 ", " x ", 1), good + "=",
	} {
		if _, ok := ParseAuthorization(bad); ok {
			t.Errorf("%q was accepted", bad)
		}
	}
}
