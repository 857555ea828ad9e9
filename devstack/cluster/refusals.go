package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// refusals answers in the place of the ACME server where the name asks for it.
//
//   - Everything is refused with 503 while the file `down` exists: a real restart would forget the accounts.
//   - A new order for a name with a label "limited" is refused with 429 and Retry-After.
//   - A challenge for a name whose CAA set names another authority turns invalid, and with it authorization and
//     order (RFC 8659; Pebble does not look CAA up).
type refusals struct {
	next http.Handler
	dns  string
	down string

	mu         sync.Mutex
	challenges map[string]string // challenge URL -> host
	denied     map[string]denial // host -> why
}

// denial is the challenge that was refused, and the sentence that says why.
type denial struct{ challenge, detail string }

// problem is an error document (RFC 7807) as ACME uses it (RFC 8555 §6.7).
type problem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

func newRefusals(next http.Handler, dns, down string) *refusals {
	return &refusals{next: next, dns: dns, down: down, challenges: map[string]string{}, denied: map[string]denial{}}
}

func (p problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

func (f *refusals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := os.Stat(f.down); err == nil {
		problem{"urn:ietf:params:acme:error:serverInternal",
			"The service is down for maintenance or had an internal error.", 503}.write(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasSuffix(r.URL.Path, "/order-plz") && f.limited(w, orderHosts(body)) {
		return
	}
	if r.Method == http.MethodPost && len(body) > 0 {
		f.judge("https://" + r.Host + r.URL.Path)
	}
	f.forward(w, r)
}

// limited refuses an order that asks for it; every order is judged afresh.
func (f *refusals) limited(w http.ResponseWriter, hosts []string) bool {
	for _, host := range hosts {
		f.mu.Lock()
		delete(f.denied, host)
		f.mu.Unlock()
		if slices.Contains(strings.Split(host, "."), "limited") {
			retry := time.Now().Add(2 * time.Hour).UTC().Format("2006-01-02 15:04:05 MST")
			w.Header().Set("Retry-After", "7200")
			problem{"urn:ietf:params:acme:error:rateLimited", "too many certificates (5) already issued for this " +
				"exact set of identifiers in the last 168h0m0s, retry after " + retry +
				": see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers",
				429}.write(w)
			return true
		}
	}
	return false
}

// judge looks the CAA set up when a challenge is about to be tried.
func (f *refusals) judge(url string) {
	f.mu.Lock()
	host := f.challenges[url]
	f.mu.Unlock()
	if host == "" {
		return
	}
	if detail := f.caa(host); detail != "" {
		f.mu.Lock()
		f.denied[host] = denial{url, detail}
		f.mu.Unlock()
	}
}

// forward lets the server answer and changes the answer where something was denied.
func (f *refusals) forward(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	f.next.ServeHTTP(answer, r)
	out := answer.Body.Bytes()
	var doc map[string]any
	if strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") && json.Unmarshal(out, &doc) == nil {
		if f.mark(doc) {
			out, _ = json.Marshal(doc)
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(out)
}

// mark learns which challenge belongs to which host and turns what is denied invalid; true if it changed anything.
func (f *refusals) mark(doc map[string]any) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	invalid := func(challenge map[string]any, host string) {
		challenge["status"] = "invalid"
		challenge["error"] = problem{"urn:ietf:params:acme:error:caa", f.denied[host].detail, 403}
	}
	if id, ok := doc["identifier"].(map[string]any); ok { // an authorization
		host, _ := id["value"].(string)
		list, _ := doc["challenges"].([]any)
		for _, item := range list {
			challenge, _ := item.(map[string]any)
			url, _ := challenge["url"].(string)
			f.challenges[url] = host
			if f.denied[host].challenge == url {
				invalid(challenge, host)
			}
		}
		if f.denied[host].detail == "" {
			return false
		}
		doc["status"] = "invalid"
		return true
	}
	if url, ok := doc["url"].(string); ok { // a challenge
		host := f.challenges[url]
		if host == "" || f.denied[host].challenge != url {
			return false
		}
		invalid(doc, host)
		return true
	}
	ids, _ := doc["identifiers"].([]any) // an order
	for _, item := range ids {
		id, _ := item.(map[string]any)
		host, _ := id["value"].(string)
		if f.denied[host].detail != "" {
			doc["status"] = "invalid"
			return true
		}
	}
	return false
}

// caa climbs from the host to the top-level label; the nearest CAA set decides (RFC 8659 §3). Empty: allowed.
func (f *refusals) caa(host string) string {
	for name := host; strings.Contains(name, "."); name = name[strings.Index(name, ".")+1:] {
		query := new(dns.Msg)
		query.SetQuestion(dns.Fqdn(name), dns.TypeCAA)
		answer, err := dns.Exchange(query, f.dns)
		if err != nil {
			return fmt.Sprintf("While processing CAA for %s: DNS problem: %v looking up CAA for %s", host, err, name)
		}
		var found, allowed bool
		for _, rr := range answer.Answer {
			if record, ok := rr.(*dns.CAA); ok && record.Tag == "issue" {
				found = true
				allowed = allowed || record.Value == caaIdentity
			}
		}
		if found && !allowed {
			return fmt.Sprintf("While processing CAA for %s: CAA record for %s prevents issuance", host, name)
		}
		if found {
			return ""
		}
	}
	return ""
}

// orderHosts reads the names of a new-order request (a flattened JWS); none if it is something else.
func orderHosts(jws []byte) (hosts []string) {
	var envelope struct{ Payload string }
	var order struct{ Identifiers []struct{ Value string } }
	if json.Unmarshal(jws, &envelope) != nil {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(envelope.Payload)
	if err != nil || json.Unmarshal(raw, &order) != nil {
		return nil
	}
	for _, id := range order.Identifiers {
		hosts = append(hosts, id.Value)
	}
	return hosts
}
