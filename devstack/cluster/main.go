// Command devcluster is a Kubernetes control plane, the cert-manager controllers and an ACME server in one
// executable, for laptops and test suites without containers.
//
// Every part is a subcommand and a process of its own, so that a test can stop one of them (the ACME server, say)
// and leave the others alone. Certificates, kubeconfigs and ports come from the caller.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"
	"time"
)

// settings is what the parts are told on the command line.
type settings struct {
	dir       string // state: pki/, etcd/, *.kubeconfig, acme-*
	readyFile string // written when the part serves; the caller removes it before a start
	etcd      string // client address
	etcdPeer  string // peer address
	api       string // API server address
	acme      string // ACME directory address
	dns       string // address of a recursive resolver
	proxy     string // forward proxy of the HTTP-01 self-check; empty: none
	edgeHTTP  int    // the edge's plain HTTP port, where HTTP-01 is answered
	backoff   time.Duration
	within    time.Duration // limit of `apply`
	args      []string
}

// ready tells the caller that the part serves.
func (s settings) ready() error {
	log.Print("ready")
	if s.readyFile == "" {
		return nil
	}
	return os.WriteFile(s.readyFile, []byte("ready\n"), 0o600)
}

var parts = map[string]func(context.Context, settings) error{
	"etcd":        runEtcd,
	"apiserver":   runAPIServer,
	"controllers": runControllers,
	"issuer":      runIssuer,
	"acme":        runACME,
	"apply":       runApply,
}

func main() {
	log.SetFlags(log.Ldate | log.Ltime | log.Lmicroseconds | log.LUTC)
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		names := make([]string, 0, len(parts))
		for name := range parts {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: devcluster %s [flags] [arguments]\n", strings.Join(names, "|"))
		os.Exit(2)
	}
	part := os.Args[1]
	log.SetPrefix(part + " ")

	var s settings
	fs := flag.NewFlagSet(part, flag.ExitOnError)
	fs.StringVar(&s.dir, "dir", ".", "state directory")
	fs.StringVar(&s.readyFile, "ready-file", "", "file to write when the part serves")
	fs.StringVar(&s.etcd, "etcd", "127.0.0.1:23790", "etcd client address")
	fs.StringVar(&s.etcdPeer, "etcd-peer", "127.0.0.1:23800", "etcd peer address")
	fs.StringVar(&s.api, "api", "127.0.0.1:16443", "API server address")
	fs.StringVar(&s.acme, "acme", "127.0.0.1:14000", "ACME directory address")
	fs.StringVar(&s.dns, "dns", "127.0.0.1:15353", "recursive resolver")
	fs.StringVar(&s.proxy, "proxy", "", "forward proxy of the HTTP-01 self-check")
	fs.IntVar(&s.edgeHTTP, "edge-http", 18080, "the edge's plain HTTP port")
	fs.DurationVar(&s.backoff, "request-backoff", time.Hour, "pause after a failed issuance (cert-manager's default: 1h)")
	fs.DurationVar(&s.within, "within", 2*time.Minute, "limit of apply, waiting included")
	_ = fs.Parse(os.Args[2:])
	s.args = fs.Args()

	ctx := context.Background()
	// The API server installs its own signal handler, once per process.
	if part != "apiserver" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	if err := parts[part](ctx, s); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}
