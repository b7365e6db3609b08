package main

import (
	"flag"
	"fmt"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	commonutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// helm knows `template NAME CHART` and `package CHART`, with the flags that the tests use.
func helm(arguments []string) error {
	switch {
	case len(arguments) > 2 && arguments[0] == "template":
		return template(arguments[1], arguments[2], arguments[3:])
	case len(arguments) == 4 && arguments[0] == "package" && arguments[2] == "--destination":
		return pack(arguments[1], arguments[3])
	default:
		return fmt.Errorf("helm %s: %w", strings.Join(arguments, " "), errNotHere)
	}
}

func pack(folder, destination string) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}

	if err := chart.Validate(); err != nil {
		return err
	}

	_, err = chartutil.Save(chart, destination)

	return err
}

func template(name, folder string, arguments []string) error {
	flags := flag.NewFlagSet("template", flag.ExitOnError)

	var versions, files list

	flags.Var(&versions, "api-versions", "Kubernetes API versions used for Capabilities.APIVersions")
	flags.Var(&files, "values", "values in a YAML file")
	namespace := flags.String("namespace", "default", "namespace scope for this request")
	kubeVersion := flags.String("kube-version", "", "Kubernetes version used for Capabilities.KubeVersion")
	skipTests := flags.Bool("skip-tests", false, "skip tests from templated output")

	if err := flags.Parse(arguments); err != nil {
		return err
	}

	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}

	values := map[string]any{}

	for _, file := range files {
		read, err := common.ReadValuesFile(file)
		if err != nil {
			return err
		}

		values = loader.MergeMaps(values, read)
	}

	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return err
	}

	capabilities := common.DefaultCapabilities.Copy()
	capabilities.APIVersions = append(capabilities.APIVersions, versions...)

	if *kubeVersion != "" {
		parsed, err := common.ParseKubeVersion(*kubeVersion)
		if err != nil {
			return fmt.Errorf("invalid kube version '%s': %w", *kubeVersion, err)
		}

		capabilities.KubeVersion = *parsed
	}

	if wanted := chart.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes %s", wanted, capabilities.KubeVersion.Version)
	}

	options := common.ReleaseOptions{Name: name, Namespace: *namespace, Revision: 1, IsInstall: true}

	// This is where the chart's own schema judges the values.
	prepared, err := commonutil.ToRenderValues(chart, values, options, capabilities)
	if err != nil {
		return err
	}

	rendered, err := engine.Engine{}.Render(chart, prepared)
	if err != nil {
		return err
	}

	for file := range rendered {
		if path.Base(file) == "NOTES.txt" {
			delete(rendered, file)
		}
	}

	hooks, manifests, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return err
	}

	for _, manifest := range manifests {
		fmt.Printf("---\n# Source: %s\n%s\n", manifest.Name, manifest.Content)
	}

	for _, hook := range hooks {
		if !*skipTests || !slices.Contains(hook.Events, release.HookTest) {
			fmt.Printf("---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
		}
	}

	return nil
}
