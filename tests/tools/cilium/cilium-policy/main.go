// Cilium-policy says which connections Cilium lets through. It asks Cilium's own policy engine, the code that an agent
// runs before it programs the kernel: github.com/cilium/cilium/pkg/policy.
//
// It reads {"policies": [objects], "flows": [{"from": [labels], "to": [labels], "port": 80}, ...]} from stdin. Labels
// are those of a Cilium identity: "k8s:app=web", "k8s:io.kubernetes.pod.namespace=default", "reserved:host". It prints
// a list with "allowed", "denied on egress" or "denied on ingress" for each flow, all of them TCP.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	"github.com/cilium/cilium/pkg/k8s"
	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	networkingv1 "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	policyutils "github.com/cilium/cilium/pkg/policy/utils"
	testpolicy "github.com/cilium/cilium/pkg/testutils/policy"
	"github.com/cilium/cilium/pkg/u8proto"
)

const (
	cluster = "default"
	// The first identity that is not one of Cilium's own.
	firstOfPods = identity.NumericIdentity(1000)
)

type input struct {
	Policies []json.RawMessage `json:"policies"`
	Flows    []struct {
		From []string `json:"from"`
		To   []string `json:"to"`
		Port uint16   `json:"port"`
	} `json:"flows"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(reader io.Reader, writer io.Writer) error {
	var asked input
	if err := json.NewDecoder(reader).Decode(&asked); err != nil {
		return err
	}

	logger := slog.New(slog.DiscardHandler)
	// What the agent makes of its defaults, auto and default.
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	policy.SetPolicyEnabled(option.DefaultEnforcement)

	known := identities{}
	for _, flow := range asked.Flows {
		known.add(flow.From)
		known.add(flow.To)
	}

	manager := identitymanager.NewIDManager(logger)
	repository := policy.NewPolicyRepository(logger, known.all(), nil, nil, manager, testpolicy.NewPolicyMetricsNoop())
	repository.UpdateIdentities(known.all(), nil)

	for _, object := range asked.Policies {
		entries, err := parse(logger, object)
		if err != nil {
			return err
		}

		repository.MustAddPolicyEntries(entries)
	}

	verdicts := make([]string, 0, len(asked.Flows))

	for _, asked := range asked.Flows {
		flow := types.Flow{From: known.of(asked.From), To: known.of(asked.To), Proto: u8proto.TCP, Dport: asked.Port}

		result, _, _, err := policy.LookupFlow(logger, repository, manager, flow)
		if err != nil {
			return fmt.Errorf("from %v to %v at %d: %w", asked.From, asked.To, asked.Port, err)
		}

		verdicts = append(verdicts, verdict(result))
	}

	return json.NewEncoder(writer).Encode(verdicts)
}

func verdict(result types.LookupResult) string {
	switch {
	case result.Egress == types.DecisionDenied:
		return "denied on egress"
	case result.Ingress == types.DecisionDenied:
		return "denied on ingress"
	default:
		return "allowed"
	}
}

// parse returns what the agent makes of a policy of any of the kinds that it knows.
func parse(logger *slog.Logger, object json.RawMessage) (types.PolicyEntries, error) {
	var meta struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(object, &meta); err != nil {
		return nil, err
	}

	switch meta.Kind {
	case "NetworkPolicy":
		var found networkingv1.NetworkPolicy
		if err := json.Unmarshal(object, &found); err != nil {
			return nil, err
		}

		return k8s.ParseNetworkPolicy(logger, cluster, &found)
	case "CiliumNetworkPolicy":
		var found ciliumv2.CiliumNetworkPolicy

		return entries(object, &found, func() (api.Rules, error) { return found.Parse(logger, cluster) })
	case "CiliumClusterwideNetworkPolicy":
		var found ciliumv2.CiliumClusterwideNetworkPolicy

		return entries(object, &found, func() (api.Rules, error) { return found.Parse(logger, cluster) })
	default:
		return nil, fmt.Errorf("%q is no kind of policy", meta.Kind)
	}
}

func entries(object json.RawMessage, into any, rules func() (api.Rules, error)) (types.PolicyEntries, error) {
	if err := json.Unmarshal(object, into); err != nil {
		return nil, err
	}

	found, err := rules()
	if err != nil {
		return nil, err
	}

	return policyutils.RulesToPolicyEntries(found), nil
}

// identities are those of the pods and nodes that flows name, by their labels.
type identities map[string]*identity.Identity

func (known identities) add(names []string) {
	key := strings.Join(names, ",")
	if known[key] != nil {
		return
	}

	found := labels.NewLabelsFromModel(names)
	if reserved := identity.LookupReservedIdentityByLabels(found); reserved != nil {
		known[key] = reserved
		return
	}

	found.MergeLabels(labels.NewLabelsFromModel([]string{"k8s:io.cilium.k8s.policy.cluster=" + cluster}))
	known[key] = identity.NewIdentity(firstOfPods+identity.NumericIdentity(len(known)), found)
}

func (known identities) of(names []string) *identity.Identity {
	return known[strings.Join(names, ",")]
}

func (known identities) all() identity.IdentityMap {
	all := identity.IdentityMap{}
	for _, one := range known {
		all[one.ID] = one.LabelArray
	}

	return all
}
