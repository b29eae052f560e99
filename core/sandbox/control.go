package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// controlPath is above the paths by which tests in any language read the
// journal, set faults and the clock, and change who is registered.
const controlPath = "/sandbox"

// control is one thing that can be asked of a running sandbox.
type control struct {
	// pattern is a method and a path, as net/http writes them.
	pattern string
	does    string
	// answer returns what is sent as JSON, or nil for an answer without a
	// body. Its error is told in plain text: 404 if it is errNotThere, else 400.
	answer func(*Server, controlRequest) (any, error)
}

type controlRequest struct {
	*http.Request
	body []byte
}

var errNotThere = errors.New("there is no such thing here")

// controls are all there are, in the order in which they are listed.
func controls() []control {
	list := []control{
		{"GET " + controlPath + "/{$}", "this list, and how much there is of everything", (*Server).overview},
		{"GET " + controlPath + "/journal", "the requests so far, and counts of them", (*Server).showJournal},
		{"DELETE " + controlPath + "/journal", "forget the requests and counts", func(s *Server, _ controlRequest) (any, error) {
			s.ResetJournal()
			return nil, nil
		}},
		{"GET " + controlPath + "/faults", "the faults that are left", func(s *Server, _ controlRequest) (any, error) {
			return s.faults.left(), nil
		}},
		{"PUT " + controlPath + "/faults", "replace all faults by those of an array", func(s *Server, r controlRequest) (any, error) {
			list, err := parseFaults(r.body)
			if err == nil {
				s.faults.set(list)
			}
			return nil, err
		}},
		{"GET " + controlPath + "/clock", "how far the clock is off", func(s *Server, _ controlRequest) (any, error) {
			offset := time.Duration(s.offset.Load()).Seconds()
			return clockSetting{&offset}, nil
		}},
		{"PUT " + controlPath + "/clock", `set the clock off: {"offset_seconds": n}`, (*Server).putClock},
		{"GET " + controlPath + "/configuration", "who exists and who may do what", func(s *Server, _ controlRequest) (any, error) {
			return s.world.Load().config, nil
		}},
		{"PUT " + controlPath + "/configuration", "replace all of it; the address stays", func(s *Server, r controlRequest) (any, error) {
			config, err := ParseConfig(r.body)
			if err != nil {
				return nil, err
			}
			return nil, s.Reconfigure(config)
		}},
	}
	list = append(list, clientControls()...)
	for _, c := range collections() {
		list = append(list, c.controls()...)
	}
	return list
}

// controlHandler answers control requests. These are never journaled, counted
// or subject to faults.
func (s *Server) controlHandler() http.Handler {
	routes := http.NewServeMux()
	for _, c := range controls() {
		routes.HandleFunc(c.pattern, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // in memory already
			value, err := c.answer(s, controlRequest{r, body})
			a := answer{status: http.StatusNoContent}
			switch {
			case errors.Is(err, errNotThere):
				a = plainAnswer(http.StatusNotFound, err.Error()+"\n")
			case err != nil:
				a = plainAnswer(http.StatusBadRequest, err.Error()+"\n")
			case value != nil:
				a = jsonAnswer(http.StatusOK, value)
			}
			s.send(w, a, s.header(a, Fault{}))
		})
	}
	routes.HandleFunc(controlPath+"/", func(w http.ResponseWriter, r *http.Request) {
		a := plainAnswer(http.StatusNotFound, fmt.Sprintf("There is no control %s %s. GET %s/ lists those that there are.\n", shorten(r.Method), shorten(r.URL.Path), controlPath))
		s.send(w, a, s.header(a, Fault{}))
	})
	return routes
}

// serveControl lets programs of this machine through. The listener is on
// loopback; but a browser here may have been led to it, by a false DNS answer,
// which Host shows, or by a page of somebody else, which the browser tells.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request, body []byte) {
	if !isLoopbackHost(hostname(r.Host)) || !isLoopbackHost(hostname(r.RemoteAddr)) || http.NewCrossOriginProtection().Check(r) != nil {
		a := plainAnswer(http.StatusForbidden, "The controls of the sandbox are for programs on this machine. Use its address as it was given.\n")
		s.send(w, a, s.header(a, Fault{}))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.controls.ServeHTTP(w, r)
}

// hostname is a Host header field without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return (&url.URL{Host: host}).Hostname()
}

func (s *Server) showJournal(controlRequest) (any, error) {
	return struct {
		Requests []Entry `json:"requests"`
		Load
	}{s.Journal(), s.Load()}, nil
}

type clockSetting struct {
	OffsetSeconds *float64 `json:"offset_seconds"`
}

func (s *Server) putClock(r controlRequest) (any, error) {
	var clock clockSetting
	if decodeStrict(r.body, &clock) != nil || clock.OffsetSeconds == nil || max(*clock.OffsetSeconds, -*clock.OffsetSeconds) > tenYears {
		return nil, errors.New(`the body is not {"offset_seconds": n} with n within ten years`)
	}
	s.SetClockOffset(time.Duration(*clock.OffsetSeconds * float64(time.Second)))
	return nil, nil
}
