package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	// The issuer loops find the kinds of issuers in a registry of their own.
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
)

// runIssuer runs the cert-manager control loops that issue and renew certificates: every loop that the imports
// above register; none of the webhook, the CA injector, the shims for Ingress and Gateway, or leader election.
func runIssuer(ctx context.Context, s settings) error {
	// The self-check of HTTP-01 goes to port 80 of the host. It obeys HTTP_PROXY, which leaves https (the API
	// server, the ACME server) alone.
	if s.proxy != "" {
		if err := os.Setenv("HTTP_PROXY", "http://"+s.proxy); err != nil {
			return err
		}
	}
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		Kubeconfig:         filepath.Join(s.dir, "cert-manager.kubeconfig"),
		KubernetesAPIQPS:   100,
		KubernetesAPIBurst: 200,
		// Account keys are kept there; the namespace must exist.
		IssuerOptions:    controller.IssuerOptions{ClusterResourceNamespace: "cert-manager"},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: 60},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/"},
			CertificateRequestMinimumBackoffDuration: s.backoff,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
		// Zero values here are not the defaults of cert-manager's own command: each is set by hand.
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 "acmesolver.invalid/none", // there is no kubelet, so it is never pulled
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			HTTP01SolverNameservers:           []string{s.dns},
			DNS01Nameservers:                  []string{s.dns},
			DNS01CheckRetryPeriod:             10 * time.Second, // also the period of the HTTP-01 self-check
		},
	})
	if err != nil {
		return err
	}
	base, err := factory.Build()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for name, build := range controller.Known() {
		loop, err := build(factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error { return loop.Run(5, ctx) })
	}
	// Started after the loops are built: building is what asks for informers.
	base.SharedInformerFactory.Start(ctx.Done())
	base.KubeSharedInformerFactory.Start(ctx.Done())
	base.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	if err := s.ready(); err != nil {
		return err
	}
	return group.Wait()
}
