package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	securefs "github.com/fluxcd/pkg/kustomize/filesys"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// request is what flux-build reads from stdin: Kustomizations as Flux has them in the cluster, and the data of
// the ConfigMaps and Secrets of their namespace that they may take variables from.
type request struct {
	Kustomizations []map[string]any             `json:"kustomizations"`
	ConfigMaps     map[string]map[string]string `json:"configMaps"`
	Secrets        map[string]map[string]string `json:"secrets"`
}

// built is what one Kustomization applies, or why it applies nothing.
type built struct {
	Name    string           `json:"name"`
	Objects []map[string]any `json:"objects,omitempty"`
	Error   string           `json:"error,omitempty"`
}

// fluxBuild builds Kustomizations, and all that these bring, as kustomize-controller does: with the
// kustomization.yaml that Flux makes, built in a file system that ends at the root, substituted strictly.
//
//	flux-build ROOT < request.json
//
// It writes into ROOT for a moment, as the controller does into its copy of the artifact.
// Source: internal/controller/kustomization_controller.go of kustomize-controller, generate and build.
func fluxBuild(arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("usage: flux-build ROOT < request.json")
	}

	root, err := filepath.EvalSymlinks(arguments[0])
	if err != nil {
		return err
	}

	var asked request
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("what is asked is no JSON: %w", err)
	}

	variables := source{request: asked}
	waiting := asked.Kustomizations
	seen := map[string]bool{}
	output := json.NewEncoder(os.Stdout)

	for len(waiting) > 0 {
		next := unstructured.Unstructured{Object: waiting[0]}
		waiting = waiting[1:]
		result := built{Name: next.GetName()}

		switch objects, err := build(root, next, variables); {
		case seen[next.GetName()]:
			result.Error = "two Flux Kustomizations have this name"
		case err != nil:
			result.Error = err.Error()
		default:
			result.Objects = objects
			for _, object := range objects {
				if found := (&unstructured.Unstructured{Object: object}); isKustomization(found) {
					waiting = append(waiting, object)
				}
			}
		}

		seen[next.GetName()] = true

		if err := output.Encode(result); err != nil {
			return err
		}
	}

	return nil
}

func isKustomization(object *unstructured.Unstructured) bool {
	return object.GroupVersionKind().Group == "kustomize.toolkit.fluxcd.io" && object.GetKind() == "Kustomization"
}

func build(root string, kustomization unstructured.Unstructured, variables client.Client) ([]map[string]any, error) {
	path, _, err := unstructured.NestedString(kustomization.Object, "spec", "path")
	if err != nil {
		return nil, err
	}

	folder := filepath.Join(root, path)
	if !filesys.MakeFsOnDisk().IsDir(folder) {
		return nil, fmt.Errorf("kustomization path not found: %s", path)
	}

	action, err := kustomize.NewGenerator(root, kustomization).WriteFile(folder, kustomize.WithSaveOriginalKustomization())
	if err != nil {
		return nil, err
	}

	defer kustomize.CleanDirectory(folder, action) //nolint:errcheck // the root is a copy

	resources, err := run(root, folder)
	if err != nil {
		return nil, fmt.Errorf("kustomize build failed: %w", err)
	}

	_, substitutes, err := unstructured.NestedMap(kustomization.Object, "spec", "postBuild")
	if err != nil {
		return nil, err
	}

	objects := []map[string]any{}

	for _, resource := range resources.Resources() {
		if substitutes {
			_, err := kustomize.SubstituteVariables(context.Background(), variables, kustomization, resource, kustomize.SubstituteWithStrict(true))
			if err != nil {
				return nil, fmt.Errorf("post build failed for '%s/%s': %w", resource.GetGvk(), resource.GetName(), err)
			}
		}

		object, err := resource.Map()
		if err != nil {
			return nil, err
		}

		objects = append(objects, object)
	}

	return objects, nil
}

// run is kustomize.SecureBuild but for its reset of the OpenAPI schema, which takes most of the time and guards
// against schemas that one Kustomization brings and the next must not see. The template brings none.
func run(root, folder string) (resmap.ResMap, error) {
	system, err := securefs.MakeFsOnDiskSecure(root)
	if err != nil {
		return nil, err
	}

	options := &krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}

	return krusty.MakeKustomizer(options).Run(system, folder)
}

// source answers for the ConfigMaps and Secrets of the request, and for nothing else.
type source struct {
	client.Client
	request
}

func (s source) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	switch object := object.(type) {
	case *corev1.ConfigMap:
		if data, ok := s.ConfigMaps[key.Name]; ok {
			object.Data = data

			return nil
		}
	case *corev1.Secret:
		if data, ok := s.Secrets[key.Name]; ok {
			object.Data = map[string][]byte{}
			for name, value := range data {
				object.Data[name] = []byte(value)
			}

			return nil
		}
	}

	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}
