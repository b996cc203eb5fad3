package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"time"

	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// patience bounds a request.
const patience = 30 * time.Second

// signIn opens a person's session at the server.
func signIn(ctx context.Context, url, username string) (*clinicapi.ClientWithResponses, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	api, err := clinicapi.NewClientWithResponses(url+"/v1", clinicapi.WithHTTPClient(&http.Client{Jar: jar, Timeout: patience}))
	if err != nil {
		return nil, err
	}
	r, err := api.SignInWithResponse(ctx, clinicapi.SignIn{Username: username, Password: password})
	if err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", username, err)
	}
	if _, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", username, err)
	}
	return api, nil
}

// answer turns one generated response into its value or an error.
func answer[T any](value *T, problem *clinicapi.Problem, r *http.Response) (*T, error) {
	switch {
	case value != nil:
		return value, nil
	case problem != nil:
		text := fmt.Sprintf("%s (%s): %s", problem.Code, problem.Key, problem.Title)
		for _, refusal := range problem.Refusals {
			text += " [" + refusal.Rule + "]"
		}
		return nil, errors.New(text)
	default:
		return nil, errors.New("unexpected answer " + r.Status)
	}
}
