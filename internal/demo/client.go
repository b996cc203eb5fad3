package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Client is one signed-in person's line to the server, over the same public interface as everybody's.
type Client struct {
	*clinicapi.ClientWithResponses
	Session clinicapi.Session
}

// Problem is the error of a request that the server answered with a problem.
type Problem struct{ clinicapi.Problem }

func (p *Problem) Error() string {
	text := fmt.Sprintf("%s: %s", p.Code, p.Title)
	for _, r := range p.Refusals {
		text += " [" + r.Rule + "]"
	}
	return text
}

// SignIn opens a session.
func SignIn(ctx context.Context, url, username, password string) (*Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("cookies: %w", err)
	}
	api, err := clinicapi.NewClientWithResponses(url+"/v1", clinicapi.WithHTTPClient(&http.Client{Jar: jar, Timeout: 30 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", url, err)
	}
	r, err := api.SignInWithResponse(ctx, clinicapi.SignIn{Username: username, Password: password})
	if err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", username, err)
	}
	session, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", username, err)
	}
	return &Client{ClientWithResponses: api, Session: *session}, nil
}

// answer turns one generated response into its value or an error.
func answer[T any](value *T, problem *clinicapi.Problem, r *http.Response) (*T, error) {
	switch {
	case value != nil:
		return value, nil
	case problem != nil:
		return nil, &Problem{*problem}
	default:
		return nil, errors.New("unexpected answer " + r.Status)
	}
}

// ready reports whether the server says that it is.
func ready(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
