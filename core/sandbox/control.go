package sandbox

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"time"
)

// controlPath is above the paths by which programs in other languages read the
// journal and set faults and the clock.
const controlPath = "/sandbox"

// control answers a control request. These are never journaled, counted or
// subject to faults.
func (s *Server) control(r *http.Request, body []byte) answer {
	// The listener is on loopback; a Host that is not means a page in a
	// browser that was led here by a false DNS answer.
	if !isLoopbackHost(hostname(r.Host)) {
		return plainAnswer(http.StatusForbidden, "The controls of the sandbox are for this machine.\n")
	}
	switch r.Method + " " + r.URL.Path {
	case "GET " + controlPath + "/journal":
		return jsonAnswer(http.StatusOK, map[string]any{"requests": s.journal.list(), "counts": s.journal.count()})
	case "DELETE " + controlPath + "/journal":
		s.journal.reset()
	case "PUT " + controlPath + "/faults":
		list, err := parseFaults(body)
		if err != nil {
			return plainAnswer(http.StatusBadRequest, err.Error()+"\n")
		}
		s.faults.set(list)
	case "PUT " + controlPath + "/clock":
		var clock struct {
			OffsetSeconds *float64 `json:"offset_seconds"`
		}
		const tenYears = 10 * 365 * 24 * 3600
		if json.Unmarshal(body, &clock) != nil || clock.OffsetSeconds == nil || max(*clock.OffsetSeconds, -*clock.OffsetSeconds) > tenYears {
			return plainAnswer(http.StatusBadRequest, "The body is not {\"offset_seconds\": n} with n within ten years.\n")
		}
		s.SetClockOffset(time.Duration(*clock.OffsetSeconds * float64(time.Second)))
	default:
		return plainAnswer(http.StatusNotFound, "The controls are GET and DELETE /sandbox/journal, PUT /sandbox/faults and PUT /sandbox/clock.\n")
	}
	return answer{status: http.StatusNoContent}
}

// hostname is a Host header field without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return (&url.URL{Host: host}).Hostname()
}
