package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/cli"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// runEtcd runs one etcd member that trades durability for speed: no fsync, small log segments, short elections.
func runEtcd(ctx context.Context, s settings) error {
	cfg := embed.NewConfig()
	cfg.Dir = filepath.Join(s.dir, "etcd")
	cfg.LogLevel = "warn"
	cfg.UnsafeNoFsync = true
	client := url.URL{Scheme: "http", Host: s.etcd}
	peer := url.URL{Scheme: "http", Host: s.etcdPeer}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	// Two segments are allocated ahead; the default is 64 MB each.
	wal.SegmentSizeBytes = 8 << 20
	// One member: no need to wait a second for an election.
	cfg.TickMs, cfg.ElectionMs = 10, 50
	member, err := embed.StartEtcd(cfg)
	if err != nil {
		return err
	}
	defer member.Close()
	select {
	case <-member.Server.ReadyNotify():
		if err := s.ready(); err != nil {
			return err
		}
	case err := <-member.Err():
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-member.Err():
		return err
	}
}

// runAPIServer runs kube-apiserver with RBAC; flags after the known ones are passed through.
func runAPIServer(_ context.Context, s settings) error {
	pki := func(name string) string { return filepath.Join(s.dir, "pki", name) }
	host, port, err := net.SplitHostPort(s.api)
	if err != nil {
		return err
	}
	cmd := apiserver.NewAPIServerCommand()
	cmd.SetArgs(append([]string{
		"--etcd-servers=http://" + s.etcd,
		"--bind-address=" + host, "--advertise-address=" + host, "--secure-port=" + port,
		// A loopback address is no valid endpoint of the Service `kubernetes`.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--client-ca-file=" + pki("ca.crt"),
		"--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--api-audiences=https://kubernetes.default.svc,istio-ca",
		// The certificate, because a PKCS#8 key is not read as a public key here.
		"--service-account-key-file=" + pki("service-account.crt"),
		"--service-account-signing-key-file=" + pki("service-account.key"),
		"--profiling=false",
		"--v=0",
	}, s.args...))
	if code := cli.Run(cmd); code != 0 {
		return fmt.Errorf("kube-apiserver exited with %d", code)
	}
	return nil
}

// client reads the kubeconfig of one identity and lifts the client's rate limit.
func client(s settings, user string) (*rest.Config, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.dir, user+".kubeconfig"))
	if err != nil {
		return nil, err
	}
	cfg.QPS, cfg.Burst = 200, 400
	return cfg, nil
}

// runControllers runs the three loops of kube-controller-manager that a cluster without nodes still needs:
// namespaces go away when deleted, owned objects go away with their owner, and pods find a default service account.
func runControllers(ctx context.Context, s settings) error {
	cfg, err := client(s, "admin")
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return err
	}
	meta, err := metadata.NewForConfig(cfg)
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(kube, 0)
	both := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(meta, 0))
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kube.Discovery()))

	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx),
		shared.Core().V1().ServiceAccounts(), shared.Core().V1().Namespaces(), kube,
		serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}
	namespaces := namespace.NewNamespaceController(ctx, kube, meta,
		kube.Discovery().ServerPreferredNamespacedResources,
		shared.Core().V1().Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes)
	started := make(chan struct{})
	collector, err := garbagecollector.NewGarbageCollector(ctx, kube, meta, mapper,
		map[schema.GroupResource]struct{}{{Resource: "events"}: {}, {Group: "events.k8s.io", Resource: "events"}: {}},
		both, started)
	if err != nil {
		return err
	}
	both.Start(ctx.Done())
	close(started)
	var wg sync.WaitGroup
	for _, run := range []func(){
		func() { accounts.Run(ctx, 1) },
		func() { namespaces.Run(ctx, 2) },
		func() { collector.Run(ctx, 4, 10*time.Second) },
		// New kinds are picked up at this period.
		func() { collector.Sync(ctx, kube.Discovery(), 5*time.Second) },
	} {
		wg.Add(1)
		go func() { defer wg.Done(); run() }()
	}
	if err := s.ready(); err != nil {
		return err
	}
	wg.Wait()
	return nil
}
