package bench

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maskinporten-core/maskinporten/core/nethttp"
)

var report = flag.String("report", "", "measure everything and write go.rows and outages.md into this `folder`")

// TestReport measures and judges nothing: a goal that is missed is a row that
// says so.
func TestReport(t *testing.T) {
	if *report == "" {
		t.Skip("give -report to measure")
	}
	var rows table
	rows.memory(t) // first, while the process is small
	rows.readings(t)
	rows.keys(t)
	rows.rivals(t)
	rows.grants(t)
	rows.crowds(t)
	for file, text := range map[string]string{"go.rows": rows.String(), "outages.md": outageTable(t)} {
		if err := os.WriteFile(filepath.Join(*report, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// table is rows of Markdown: | what | against | ratio | goal | met |.
type table struct{ strings.Builder }

func (rows *table) row(what, against, ratio, goal string, met bool) {
	verdict := "**no**"
	if goal == "" {
		goal, verdict = "-", "-"
	} else if met {
		verdict = "yes"
	}
	line := fmt.Sprintf("| %s | %s | %s | %s | %s |", what, against, ratio, goal, verdict)
	fmt.Fprintln(os.Stderr, line)
	fmt.Fprintln(rows, line)
}

// atMost is a row for two times with a limit on their ratio.
func (rows *table) atMost(limit float64, what, against string, c comparison) {
	digits := 3
	if limit < 0.1 {
		digits = 5
	}
	ratio := fmt.Sprintf("%.*f (%s / %s)", digits, c.ratio, short(c.a), short(c.b))
	rows.row(what, against, ratio, "≤ "+strconv.FormatFloat(limit, 'g', -1, 64), c.ratio <= limit)
}

// count is a row for a number with an upper limit.
func (rows *table) count(limit float64, what, against string, value float64, unit string) {
	rows.row(what, against, strconv.FormatFloat(value, 'f', -1, 64)+unit, "≤ "+strconv.FormatFloat(limit, 'f', -1, 64)+unit, value <= limit)
}

// short is a time in nanoseconds for people to read.
func short(ns float64) string {
	switch {
	case ns < 1e3:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.2f µs", ns/1e3)
	}
	return fmt.Sprintf("%.2f ms", ns/1e6)
}

func (rows *table) readings(t *testing.T) {
	w := only(fresh(t))
	rows.atMost(1.1, "Go: cached token through a Source", "one time.Now()", versus(w, readNow))
	rows.count(0, "- allocations", "-", allocations(w), "")
	rows.throughput("- two cores", "one core, throughput", w, 1.9)
	rows.throughput("- time.Now() itself, two cores", "one core, throughput", readNow, 0)
	rows.atMost(1.1, "Go: due token while its refresh hangs", "the fresh read", versus(only(refreshing(t)), w))
	rows.atMost(1.1, "Go: due token after its refresh failed", "the fresh read", versus(only(backingOff(t)), w))
	rows.atMost(1.1, "Go: fresh token while another key's fetch hangs", "the fresh read", versus(only(besideAHang(t)), w))
	request, consumer := only(byRequest(t)), only(byConsumer(t))
	rows.atMost(1.6, "Go: cached token by request", "one time.Now()", versus(request, readNow))
	rows.atMost(1.6, "- with a consumer_org", "one time.Now()", versus(consumer, readNow))
	rows.count(0, "- allocations", "-", allocations(request)+allocations(consumer), "")
}

// throughput compares the same work on one core and on two; a goal of 0 is none.
func (rows *table) throughput(what, against string, w work, goal float64) {
	if runtime.GOMAXPROCS(0) < 2 {
		rows.row(what, against, "this machine has one core", "", false)
		return
	}
	c := twoCores.versus(w, onTwo(w))
	text := ""
	if goal > 0 {
		text = fmt.Sprintf("≥ %g", goal)
	}
	rows.row(what, against, fmt.Sprintf("%.3f", c.ratio), text, c.ratio >= goal)
}

func (rows *table) keys(t *testing.T) {
	one := among(t, 1)
	for _, many := range []struct {
		name  string
		keys  int
		limit float64
	}{{"1,000", 1_000, 1.25}, {"100,000", 100_000, 1.5}} {
		rows.atMost(many.limit, fmt.Sprintf("Go: cached tokens of %s Sources in turn", many.name), "of one", versus(among(t, many.keys), one))
		rows.row(fmt.Sprintf("- heap for each of %s keys", many.name), fmt.Sprintf("its token of %d bytes", len(signature)),
			fmt.Sprintf("%.0f bytes", heapOf(t, many.keys)), "", false)
	}
	consumer := amongConsumers(t, 1)
	rows.atMost(1.25, "Go: cached tokens of 1,000 consumers in turn, by request", "of one", versus(amongConsumers(t, 1_000), consumer))
	rows.atMost(1.5, "Go: cached tokens of 100,000 consumers in turn, by request", "of one", versus(amongConsumers(t, 100_000), consumer))
}

func (rows *table) rivals(t *testing.T) {
	ours := held(t, caches[0])
	for _, rival := range caches[1:] {
		theirs, limit := held(t, rival), 1.0
		if rival.name == "MSAL Go" {
			limit = 0.125
		}
		rows.atMost(limit, "Go: cached token", rival.name, versus(ours, theirs))
		rows.atMost(limit, "- two goroutines", rival.name, twoCores.versus(onTwo(ours), onTwo(theirs)))
	}
}

func (rows *table) grants(t *testing.T) {
	p, s := newPair(t), newTLSServer(t)
	transport := nethttp.New(nethttp.Config{RootCAs: s.roots})
	defer transport.CloseIdleConnections()
	rows.atMost(0.005, "Go: building a grant, without signing", "one rsa.SignPKCS1v15", versus(p.build(), p.bareSign()))
	rows.count(5, "- allocations", "-", allocations(p.build()), "")
	rows.atMost(1.02, "Go: a whole assertion", "one rsa.SignPKCS1v15", versus(p.assertion(), p.bareSign()))
	rows.atMost(1.1, "Go: first token over TLS", "one signature and one http.Client POST", versus(firstTokens(t, s, p, transport), bareFetch(t, s, p)))
	handshakes, resumed := resumptions(t, 10)
	rows.row("Go: TLS sessions resumed", fmt.Sprintf("%d fetches, each on a new connection", handshakes), strconv.Itoa(resumed), "≥ 9", resumed >= 9)
}

func (rows *table) crowds(t *testing.T) {
	for _, storm := range []struct {
		name    string
		latency time.Duration
		err     error
	}{{"success", quick, nil}, {"refusal", quick, errRejected}, {"success", latency, nil}} {
		fetches := 0
		c := alternate(7, func() float64 {
			got := stormOf(t, caches[0], 10_000, storm.latency, storm.err)
			fetches = max(fetches, got.fetches)
			return float64(got.elapsed)
		}, func() float64 { return float64(stormOf(t, caches[0], 1, storm.latency, storm.err).elapsed) })
		rows.count(1, fmt.Sprintf("Go: 10,000 callers of one missing key, %s after %v: fetches", storm.name, storm.latency), "-", float64(fetches), "")
		rows.atMost(1.1, "- until the last answer", "one caller", c)
		bare := alternate(7, func() float64 { return float64(bareCrowd(10_000, storm.latency)) }, func() float64 { return float64(bareCrowd(1, storm.latency)) })
		rows.row("- 10,000 goroutines that wait for one channel", "one", fmt.Sprintf("%.2f (%s / %s)", bare.ratio, short(bare.a), short(bare.b)), "", false)
	}
	for _, crowd := range []struct {
		callers int
		name    string
		err     error
	}{{200, "success", nil}, {50, "no answer", errUnreachable}} {
		said := func(c cache) string {
			got := stormOf(t, c, crowd.callers, quick, crowd.err)
			return fmt.Sprintf("fetches %d, until the last answer %.2f s", got.fetches, got.elapsed.Seconds())
		}
		ours := said(caches[0])
		for _, rival := range caches[1:] {
			rows.row(fmt.Sprintf("Go: %d callers of one missing key, %s after %v", crowd.callers, crowd.name, quick), rival.name+": "+said(rival), ours, "", false)
		}
	}
}

// memory offers a million keys to a client that may keep ten thousand.
func (rows *table) memory(t *testing.T) {
	const keys, limit = 1_000_000, 10_000
	got := offer(t, keys, limit)
	rows.count(limit, "Go: 1,000,000 keys offered, limit 10,000: tokens kept", "-", float64(got.kept), "")
	mib := func(bytes int64) float64 { return float64(bytes>>10) / 1024 }
	rows.row("- memory (RSS at the most; heap at the end)", "before", fmt.Sprintf("+%.0f MiB; +%.0f MiB", mib(got.rssGrew), mib(got.heapGrew)), "≤ 60 MiB", mib(got.rssGrew) <= 60)
}
