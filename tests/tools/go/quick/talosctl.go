package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/bundle"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/configpatcher"
	"github.com/siderolabs/talos/pkg/machinery/config/encoder"
	"github.com/siderolabs/talos/pkg/machinery/config/generate"
	"github.com/siderolabs/talos/pkg/machinery/config/generate/secrets"
	"github.com/siderolabs/talos/pkg/machinery/config/machine"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
	"github.com/siderolabs/talos/pkg/machinery/constants"
	"go.yaml.in/yaml/v4"
)

// talosctl knows `gen secrets`, `gen config` and `validate`, with the flags that the tasks and tests use.
func talosctl(arguments []string) error {
	switch {
	case len(arguments) > 1 && arguments[0] == "gen" && arguments[1] == "secrets":
		return genSecrets(arguments[2:])
	case len(arguments) > 3 && arguments[0] == "gen" && arguments[1] == "config":
		return genConfig(arguments[2], arguments[3], arguments[4:])
	case len(arguments) > 0 && arguments[0] == "validate":
		return validate(arguments[1:])
	default:
		return fmt.Errorf("talosctl %s: %w", strings.Join(arguments, " "), errNotHere)
	}
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)

	return nil
}

func genSecrets(arguments []string) error {
	flags := flag.NewFlagSet("gen secrets", flag.ExitOnError)
	output := flags.String("output-file", "secrets.yaml", "path of the output file, or - for stdout")
	version := flags.String("talos-version", "", "the Talos version to generate secrets for")
	force := flags.Bool("force", false, "overwrite existing files")

	if err := flags.Parse(arguments); err != nil {
		return err
	}

	contract, err := contractOf(*version)
	if err != nil {
		return err
	}

	made, err := secrets.NewBundle(secrets.NewFixedClock(time.Now()), contract)
	if err != nil {
		return fmt.Errorf("failed to create secrets bundle: %w", err)
	}

	data, err := yaml.Marshal(made)
	if err != nil {
		return err
	}

	return write(*output, data, 0o600, *force)
}

func genConfig(name, endpoint string, arguments []string) error {
	flags := flag.NewFlagSet("gen config", flag.ExitOnError)

	var every, controlPlane, worker list

	flags.Var(&every, "config-patch", "patch for all machines")
	flags.Var(&controlPlane, "config-patch-control-plane", "patch for control plane machines")
	flags.Var(&worker, "config-patch-worker", "patch for workers")

	var (
		bundled    = flags.String("with-secrets", "", "use a secrets file made by 'gen secrets'")
		version    = flags.String("talos-version", "", "the Talos version to generate a config for")
		kubernetes = flags.String("kubernetes-version", constants.DefaultKubernetesVersion, "the Kubernetes version to run")
		image      = flags.String("install-image", "", "the image used to perform an installation")
		docs       = flags.Bool("with-docs", true, "add documentation to the config")
		examples   = flags.Bool("with-examples", true, "add examples to the config")
		types      = flags.String("output-types", "controlplane,worker,talosconfig", "types of outputs")
		output     = flags.String("output", "", "destination of the generated files")
		force      = flags.Bool("force", false, "overwrite existing files")
	)

	if err := flags.Parse(arguments); err != nil {
		return err
	}

	contract, err := contractOf(*version)
	if err != nil {
		return err
	}

	generating := []generate.Option{
		generate.WithVersionContract(contract),
		generate.WithInstallDisk("/dev/sda"),
		generate.WithInstallImage(*image),
		generate.WithDNSDomain("cluster.local"),
		generate.WithClusterDiscovery(true),
	}

	if *bundled != "" {
		loaded, err := secrets.LoadBundle(*bundled)
		if err != nil {
			return fmt.Errorf("failed to load secrets bundle: %w", err)
		}

		if err = loaded.Validate(contract); err != nil {
			return fmt.Errorf("failed to validate secrets bundle: %w", err)
		}

		generating = append(generating, generate.WithSecretsBundle(loaded))
	}

	options := []bundle.Option{bundle.WithInputOptions(&bundle.InputOptions{
		ClusterName: name,
		Endpoint:    endpoint,
		KubeVersion: strings.TrimPrefix(*kubernetes, "v"),
		GenOptions:  generating,
	})}

	for _, layer := range []struct {
		patches list
		option  func([]configpatcher.Patch) bundle.Option
	}{
		{every, bundle.WithPatch},
		{controlPlane, bundle.WithPatchControlPlane},
		{worker, bundle.WithPatchWorker},
	} {
		patches, err := configpatcher.LoadPatches(layer.patches)
		if err != nil {
			return fmt.Errorf("error parsing config JSON patch: %w", err)
		}

		options = append(options, layer.option(patches))
	}

	made, err := bundle.NewBundle(options...)
	if err != nil {
		return fmt.Errorf("failed to generate config bundle: %w", err)
	}

	comments := encoder.CommentsDisabled
	if *docs {
		comments |= encoder.CommentsDocs
	}

	if *examples {
		comments |= encoder.CommentsExamples
	}

	return writeBundle(made, strings.Split(*types, ","), *output, comments, *force)
}

// writeBundle takes the output for a file when there is one type, and for a folder when there are several.
func writeBundle(made *bundle.Bundle, types []string, output string, comments encoder.CommentsFlags, force bool) error {
	serialize := map[string]func() ([]byte, error){
		"controlplane": func() ([]byte, error) { return made.Serialize(comments, machine.TypeControlPlane) },
		"worker":       func() ([]byte, error) { return made.Serialize(comments, machine.TypeWorker) },
		"talosconfig":  func() ([]byte, error) { return yaml.Marshal(made.TalosConfig()) },
	}
	files := map[string]string{"controlplane": "controlplane.yaml", "worker": "worker.yaml", "talosconfig": "talosconfig"}

	for _, name := range types {
		make, ok := serialize[name]
		if !ok {
			return fmt.Errorf("invalid output type: %q", name)
		}

		data, err := make()
		if err != nil {
			return err
		}

		target := output
		if len(types) > 1 {
			if err := os.MkdirAll(output, 0o755); err != nil {
				return err
			}

			target = output + "/" + files[name]
		}

		if err := write(target, data, 0o644, force); err != nil {
			return err
		}
	}

	return nil
}

func validate(arguments []string) error {
	flags := flag.NewFlagSet("validate", flag.ExitOnError)
	file := flags.String("config", "", "the path of the config file")
	name := flags.String("mode", "", "the mode to validate the config for")
	strict := flags.Bool("strict", false, "treat validation warnings as errors")

	if err := flags.Parse(arguments); err != nil {
		return err
	}

	if *name != "metal" && *name != "cloud" {
		return fmt.Errorf("validate --mode %s: %w", *name, errNotHere)
	}

	loaded, err := configloader.NewFromFile(*file)
	if err != nil {
		return err
	}

	options := []validation.Option{validation.WithLocal()}
	if *strict {
		options = append(options, validation.WithStrict())
	}

	warnings, err := loaded.ValidateAsClient(mode(*name), options...)
	for _, warning := range warnings {
		fmt.Fprintf(os.Stderr, "WARNING: %s\n", warning)
	}

	if err != nil {
		return err
	}

	fmt.Printf("%s is valid for %s mode\n", *file, *name)

	return nil
}

// mode is what a machine is, metal or cloud, as Talos' runtime package has it.
type mode string

func (name mode) String() string        { return string(name) }
func (name mode) RequiresInstall() bool { return name == "metal" }
func (mode) InContainer() bool          { return false }

func contractOf(version string) (*config.VersionContract, error) {
	if version == "" {
		return config.TalosVersionCurrent, nil
	}

	contract, err := config.ParseContractFromVersion(version)
	if err != nil {
		return nil, fmt.Errorf("invalid talos-version: %w", err)
	}

	return contract, nil
}

func write(target string, data []byte, mode os.FileMode, force bool) error {
	if slices.Contains([]string{"-", ""}, target) {
		_, err := os.Stdout.Write(data)

		return err
	}

	if _, err := os.Stat(target); err == nil && !force {
		return fmt.Errorf("file %q already exists, use --force to overwrite", target)
	}

	return os.WriteFile(target, data, mode)
}
