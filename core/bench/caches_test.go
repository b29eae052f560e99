package bench

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/oauth2"
)

// server is the token endpoint that every cache asks, without a network.
type server struct {
	life time.Duration
	// before runs before each answer and may take its time. Its error is
	// the answer.
	before func(context.Context) error
	asked  atomic.Int64
}

var (
	errUnreachable = errors.New("connection refused")
	errRejected    = errors.New("invalid_client")
)

// signature makes the tokens as long as Maskinporten's.
var signature = strings.Repeat("s", 900)

func (s *server) issue(ctx context.Context) (accessToken string, err error) {
	number := s.asked.Add(1)
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return "", err
		}
	}
	return strconv.FormatInt(number, 10) + "." + signature, nil
}

// after is a before for a server that answers, or fails, after a time.
func after(latency time.Duration, outcome error) func(context.Context) error {
	return func(ctx context.Context) error {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
			return outcome
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// getter asks a cache for its token.
type getter func(context.Context) (string, error)

// cache is one way to keep the token of a server.
type cache struct {
	name string
	open func(testing.TB, *server) getter
}

const oursName = "maskinporten"

// caches are all of them, ours first, each as its documentation says.
var caches = []cache{
	{oursName, func(tb testing.TB, s *server) getter {
		source := newClient(tb, s).source("bench:read")
		return func(ctx context.Context) (string, error) {
			token, err := source.Token(ctx)
			return token.AccessToken(), err
		}
	}},
	{"x/oauth2", func(_ testing.TB, s *server) getter {
		source := oauth2.ReuseTokenSource(nil, oauthSource{s})
		return func(context.Context) (string, error) { // it takes no context
			token, err := source.Token()
			if err != nil {
				return "", err
			}
			return token.AccessToken, nil
		}
	}},
	{"google auth", func(_ testing.TB, s *server) getter {
		provider := auth.NewCachedTokenProvider(googleProvider{s}, nil)
		return func(ctx context.Context) (string, error) {
			token, err := provider.Token(ctx)
			if err != nil {
				return "", err
			}
			return token.Value, nil
		}
	}},
	{"AWS CredentialsCache", func(_ testing.TB, s *server) getter {
		cache := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			token, err := s.issue(ctx)
			return aws.Credentials{AccessKeyID: "bench", SecretAccessKey: "bench", SessionToken: token, CanExpire: true, Expires: time.Now().Add(s.life)}, err
		}))
		return func(ctx context.Context) (string, error) {
			credentials, err := cache.Retrieve(ctx)
			return credentials.SessionToken, err
		}
	}},
	{"MSAL Go", func(tb testing.TB, s *server) getter {
		provider := confidential.NewCredFromTokenProvider(func(ctx context.Context, _ confidential.TokenProviderParameters) (confidential.TokenProviderResult, error) {
			token, err := s.issue(ctx)
			return confidential.TokenProviderResult{AccessToken: token, ExpiresInSeconds: int(s.life.Seconds())}, err
		})
		client, err := confidential.New("https://login.invalid/tenant", "bench", provider, confidential.WithInstanceDiscovery(false))
		if err != nil {
			tb.Fatal(err)
		}
		scopes := []string{"bench:read"}
		return func(ctx context.Context) (string, error) {
			result, err := client.AcquireTokenByCredential(ctx, scopes)
			return result.AccessToken, err
		}
	}},
}

type oauthSource struct{ *server }

func (s oauthSource) Token() (*oauth2.Token, error) {
	token, err := s.issue(context.Background())
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: token, TokenType: "Bearer", Expiry: time.Now().Add(s.life)}, nil
}

type googleProvider struct{ *server }

func (s googleProvider) Token(ctx context.Context) (*auth.Token, error) {
	token, err := s.issue(ctx)
	if err != nil {
		return nil, err
	}
	return &auth.Token{Value: token, Type: "Bearer", Expiry: time.Now().Add(s.life)}, nil
}

// TestCachesKeep shows that each of them is used as a cache: two readings, one
// request.
func TestCachesKeep(t *testing.T) {
	for _, c := range caches {
		t.Run(c.name, func(t *testing.T) {
			s := &server{life: time.Hour}
			get := c.open(t, s)
			first := mustGet(t, get)
			if second := mustGet(t, get); second != first || s.asked.Load() != 1 {
				t.Errorf("%d requests for two readings", s.asked.Load())
			}
		})
	}
}

func mustGet(tb testing.TB, get getter) string {
	tb.Helper()
	token, err := get(context.Background())
	if err != nil || token == "" {
		tb.Fatal("no token: ", err)
	}
	return token
}
