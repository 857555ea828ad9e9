package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	cmclient "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// caaIdentity is the authority that a CAA record must name.
	caaIdentity = "pebble.letsencrypt.org"
	// rootsKept bounds the bundle of roots: one is added at every start.
	rootsKept = 16
)

// runACME serves Pebble from its own packages, with the refusals it cannot make by itself put in front.
func runACME(ctx context.Context, s settings) error {
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0",
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	logger := log.New(os.Stdout, "pebble ", log.Ltime)
	store := db.NewMemoryStore()
	if err := store.AddBlockedDomain("blocked.test"); err != nil {
		return err
	}
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{
		"default":    {Description: "90 days", ValidityPeriod: 90 * 24 * 3600},
		"shortlived": {Description: "6 days", ValidityPeriod: 6 * 24 * 3600},
	})
	validator := va.New(logger, s.edgeHTTP, 0, true, s.dns, store)
	front := wfe.New(logger, store, validator, authority, []string{caaIdentity}, true, false, 1, 1)
	if err := publishRoot(filepath.Join(s.dir, "acme-roots.pem"), authority.GetRootCert(0).PEM()); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "pki", "acme.crt"), filepath.Join(s.dir, "pki", "acme.key"))
	if err != nil {
		return err
	}
	server := &http.Server{
		Addr:      s.acme,
		Handler:   newRefusals(front.Handler(), s.dns, filepath.Join(s.dir, "acme-down")),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.ListenAndServeTLS("", "") })
	group.Go(func() error { <-ctx.Done(); _ = server.Close(); return ctx.Err() })
	group.Go(func() error { return reregister(ctx, s) })
	return group.Wait()
}

// publishRoot adds this start's root to the bundle that probes trust: certificates of earlier starts are served on.
func publishRoot(path string, root []byte) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	bundle := [][]byte{root}
	for block, rest := pem.Decode(old); block != nil && len(bundle) < rootsKept; block, rest = pem.Decode(rest) {
		bundle = append(bundle, pem.EncodeToMemory(block))
	}
	next := path + ".new"
	var text []byte
	for _, one := range bundle {
		text = append(text, one...)
	}
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// reregister makes the issuers of a kept cluster register again: Pebble forgets its accounts at a restart, and
// cert-manager would go on with an account that no longer exists ("accountDoesNotExist" for every order). It asks
// until the API server answers; a cluster without issuers needs nothing.
func reregister(ctx context.Context, s settings) error {
	cfg, err := client(s, "admin")
	if err != nil {
		return err
	}
	cm, err := cmclient.NewForConfig(cfg)
	if err != nil {
		return err
	}
	started := time.Now()
	for {
		list, err := cm.CertmanagerV1().ClusterIssuers().List(ctx, metav1.ListOptions{})
		if err == nil {
			for _, issuer := range list.Items {
				acme := issuer.Status.ACME
				if acme == nil || acme.URI == "" || issuer.CreationTimestamp.After(started) {
					continue
				}
				patch := []byte(`{"status":{"acme":{"uri":"","lastPrivateKeyHash":""},"conditions":[]}}`)
				if _, err := cm.CertmanagerV1().ClusterIssuers().Patch(ctx, issuer.Name, types.MergePatchType, patch,
					metav1.PatchOptions{}, "status"); err != nil {
					return err
				}
				log.Printf("issuer %s registers again", issuer.Name)
			}
			return s.ready()
		}
		if apierrors.IsNotFound(err) {
			return s.ready()
		}
		if !pause(ctx) {
			return ctx.Err()
		}
	}
}
