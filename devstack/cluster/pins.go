//go:build pins

package main

// Nothing is compiled from these: the imports keep the modules in go.mod and go.sum, because their CRDs are read
// from the module cache.
import (
	_ "istio.io/api/networking/v1"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
