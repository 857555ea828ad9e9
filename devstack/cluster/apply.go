package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// fieldManager owns what the stack applies, so that the product's own manager is never mixed up with it.
const fieldManager = "devcluster"

// applier carries the clients of one run of apply.
type applier struct {
	dyn    dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// runApply applies YAML files, or folders of them, in the order given with server-side apply, and waits until each
// object is in use: a CRD established, an issuer registered, a webhook failing closed. Kinds before their users:
// the CRDs of one argument are applied side by side, other objects one by one.
func runApply(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	cfg, err := client(s, "admin")
	if err != nil {
		return err
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return err
	}
	a := applier{dyn, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}
	for _, arg := range s.args {
		objects, err := read(arg)
		if err != nil {
			return err
		}
		if err := a.apply(ctx, objects); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	return nil
}

// read decodes every Kubernetes object of a file, or of a folder's *.yaml in the order of their names.
func read(arg string) ([]*unstructured.Unstructured, error) {
	files := []string{arg}
	if info, err := os.Stat(arg); err != nil {
		return nil, err
	} else if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(arg, "*.yaml")); err != nil {
			return nil, err
		}
		sort.Strings(files)
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
		for {
			object := &unstructured.Unstructured{}
			if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			// Kustomizations and empty documents are no objects of a cluster.
			if object.GetKind() == "" || strings.HasPrefix(object.GetAPIVersion(), "kustomize.config.k8s.io/") {
				continue
			}
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func (a applier) apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	crds, ctx2 := errgroup.WithContext(ctx)
	var others []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == "CustomResourceDefinition" {
			crds.Go(func() error { return a.one(ctx2, object) })
		} else {
			others = append(others, object)
		}
	}
	if err := crds.Wait(); err != nil {
		return err
	}
	if len(others) < len(objects) {
		a.mapper.Reset()
	}
	for _, object := range others {
		if err := a.one(ctx, object); err != nil {
			return err
		}
	}
	for _, object := range others {
		if err := a.settle(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// one applies one object and, for a CRD, waits until it is established. A kind that is not served yet, or an
// answer that a server gives while it starts, is asked again until the context ends.
func (a applier) one(ctx context.Context, object *unstructured.Unstructured) error {
	raw, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	name := object.GetKind() + " " + object.GetName()
	force := true
	for {
		target, err := a.target(object)
		if err == nil {
			_, err = target.Patch(ctx, object.GetName(), types.ApplyPatchType, raw,
				metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
		}
		if err == nil {
			break
		}
		if !transient(err) {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !pause(ctx) {
			return fmt.Errorf("%s: %w", name, err)
		}
		a.mapper.Reset()
	}
	log.Printf("applied %s", name)
	if object.GetKind() == "CustomResourceDefinition" {
		return a.settle(ctx, object)
	}
	return nil
}

func (a applier) target(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == "namespace" {
		return a.dyn.Resource(mapping.Resource).Namespace(object.GetNamespace()), nil
	}
	return a.dyn.Resource(mapping.Resource), nil
}

// settle waits until the object is in use, for the kinds that need time for it.
func (a applier) settle(ctx context.Context, object *unstructured.Unstructured) error {
	settled := map[string]func(map[string]any) (bool, string){
		"CustomResourceDefinition":       condition("Established"),
		"ClusterIssuer":                  condition("Ready"),
		"ValidatingWebhookConfiguration": failsClosed,
	}[object.GetKind()]
	if settled == nil {
		return nil
	}
	target, err := a.target(object)
	if err != nil && object.GetKind() != "CustomResourceDefinition" {
		return err
	}
	if target == nil {
		a.mapper.Reset()
		if target, err = a.target(object); err != nil {
			return err
		}
	}
	for {
		seen := "not found"
		got, err := target.Get(ctx, object.GetName(), metav1.GetOptions{})
		if err == nil {
			var done bool
			if done, seen = settled(got.Object); done {
				return nil
			}
		} else if !transient(err) && !apierrors.IsNotFound(err) {
			return err
		}
		if !pause(ctx) {
			return fmt.Errorf("%s %s is not ready in time: %s", object.GetKind(), object.GetName(), seen)
		}
	}
}

// condition looks for a condition of that type with status True.
func condition(kind string) func(map[string]any) (bool, string) {
	return func(object map[string]any) (bool, string) {
		list, _, _ := unstructured.NestedSlice(object, "status", "conditions")
		for _, item := range list {
			if c, _ := item.(map[string]any); c["type"] == kind {
				return c["status"] == "True", fmt.Sprintf("%v: %v", c["reason"], c["message"])
			}
		}
		return false, "no condition " + kind
	}
}

// failsClosed is true once istiod has filled in its authority and made failures final.
func failsClosed(object map[string]any) (bool, string) {
	list, _, _ := unstructured.NestedSlice(object, "webhooks")
	for _, item := range list {
		if hook, _ := item.(map[string]any); hook["failurePolicy"] != "Fail" {
			return false, fmt.Sprintf("webhook %v has failurePolicy %v", hook["name"], hook["failurePolicy"])
		}
	}
	return len(list) > 0, "no webhooks"
}

// transient tells answers of a server that starts, or does not serve a kind yet, from refusals.
func transient(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return true // no answer at all, or an unknown kind
	}
	return apierrors.IsServerTimeout(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsInternalError(err) || apierrors.IsConflict(err) || apierrors.IsNotFound(err) ||
		// RBAC roles are made in the first second of an API server.
		apierrors.IsForbidden(err)
}

// pause waits a moment, and is false when the context is over.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}
