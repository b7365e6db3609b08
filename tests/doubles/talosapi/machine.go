package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	stdx509 "crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"

	cosi "github.com/cosi-project/runtime/api/v1alpha1"
	"github.com/cosi-project/runtime/pkg/state/protobuf/server"
	"github.com/siderolabs/crypto/x509"
	"github.com/siderolabs/talos/pkg/machinery/api/common"
	api "github.com/siderolabs/talos/pkg/machinery/api/machine"
	"github.com/siderolabs/talos/pkg/machinery/config"
	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const version = "v1.14.1"

// authority is the machines' own: a worker's configuration holds no key to sign with, a controller's does.
var authority struct {
	sync.Mutex
	pair *x509.PEMEncodedCertificateAndKey
}

// etcdMembers are the machines whose etcd runs: none, until one is bootstrapped.
var etcdMembers struct {
	sync.Mutex
	running bool
}

// Machine is one machine, in maintenance mode until it has a configuration.
type Machine struct {
	api.UnimplementedMachineServiceServer

	description Description
	recorder    *Recorder
	resources   *Resources
	selfSigned  tls.Certificate

	mutex  sync.Mutex
	config config.Provider
}

// NewMachine is a machine in maintenance mode.
func NewMachine(description Description, recorder *Recorder) (*Machine, error) {
	resources, err := NewResources(description)
	if err != nil {
		return nil, err
	}

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}

	certificate, err := sign(description.Address, nil, key, key)
	if err != nil {
		return nil, err
	}

	return &Machine{description: description, recorder: recorder, resources: resources, selfSigned: certificate}, nil
}

// Register adds the machine's services to a server.
func (machine *Machine) Register(registrar *grpc.Server) {
	api.RegisterMachineServiceServer(registrar, machine)
	api.RegisterLifecycleServiceServer(registrar, &lifecycle{machine: machine})
	api.RegisterImageServiceServer(registrar, &images{machine: machine})
	cosi.RegisterStateServer(registrar, server.NewState(machine.resources.state))
}

// TLS is what the machine shows and wants at this moment.
func (machine *Machine) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			machine.mutex.Lock()
			defer machine.mutex.Unlock()

			if machine.config == nil {
				return &tls.Config{
					MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
					Certificates: []tls.Certificate{machine.selfSigned},
				}, nil
			}

			certificate, roots, err := machine.issued()
			if err != nil {
				return nil, err
			}

			return &tls.Config{
				MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
				Certificates: []tls.Certificate{certificate},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: roots,
			}, nil
		},
	}
}

// issued is a certificate of the cluster's authority, and that authority.
func (machine *Machine) issued() (tls.Certificate, *stdx509.CertPool, error) {
	authority.Lock()
	defer authority.Unlock()

	if authority.pair == nil {
		return tls.Certificate{}, nil, status.Error(codes.Unavailable, "no controller has signed this machine's certificate yet")
	}

	parent, err := authority.pair.GetCert()
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	signer, err := authority.pair.GetKey()
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}

	roots := stdx509.NewCertPool()
	roots.AddCert(parent)

	certificate, err := sign(machine.description.Address, parent, key, signer)

	return certificate, roots, err
}

// sign makes a server's certificate for an address; without a parent it signs itself.
func sign(address string, parent *stdx509.Certificate, key ed25519.PrivateKey, signer any) (tls.Certificate, error) {
	template := &stdx509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "talos"},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     stdx509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []stdx509.ExtKeyUsage{stdx509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.ParseIP(address)},
	}
	if parent == nil {
		parent = template
	}

	der, err := stdx509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)

	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// record writes down a call and how the caller proved who it is.
func (machine *Machine) record(ctx context.Context, method string, details map[string]any) {
	call := map[string]any{"node": machine.description.Address, "method": method, "proven": false}

	if caller, ok := peer.FromContext(ctx); ok {
		if info, ok := caller.AuthInfo.(credentials.TLSInfo); ok {
			call["proven"] = len(info.State.VerifiedChains) > 0
		}
	}

	for key, value := range details {
		call[key] = value
	}

	machine.recorder.Record(call)
}

// configured is an error in maintenance mode, in which Talos does not offer the method.
func (machine *Machine) configured(method string) error {
	machine.mutex.Lock()
	defer machine.mutex.Unlock()

	if machine.config == nil {
		return status.Errorf(codes.Unimplemented, "API is not implemented in maintenance mode: %s", method)
	}

	return nil
}

// Version is asked before most commands.
func (machine *Machine) Version(context.Context, *emptypb.Empty) (*api.VersionResponse, error) {
	return &api.VersionResponse{Messages: []*api.Version{{
		Version:  &api.VersionInfo{Tag: version},
		Platform: &api.PlatformInfo{Name: "metal", Mode: "metal"},
		Features: &api.FeaturesInfo{},
	}}}, nil
}

// ApplyConfiguration checks and takes a configuration.
func (machine *Machine) ApplyConfiguration(ctx context.Context, request *api.ApplyConfigurationRequest) (*api.ApplyConfigurationResponse, error) {
	provider, err := configloader.NewFromBytes(request.GetData())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}

	hostname := ""
	if named := provider.NetworkHostnameConfig(); named != nil {
		hostname = named.Hostname()
	}

	machine.record(ctx, "ApplyConfiguration", map[string]any{
		"mode": request.GetMode().String(), "hostname": hostname, "controller": provider.Machine().Type().IsControlPlane(),
	})

	if pair := provider.Machine().Security().IssuingCA(); pair != nil && len(pair.Key) > 0 {
		authority.Lock()
		authority.pair = pair
		authority.Unlock()
	}

	machine.mutex.Lock()
	machine.config = provider
	machine.mutex.Unlock()

	if err = machine.resources.Running(ctx); err != nil {
		return nil, err
	}

	return &api.ApplyConfigurationResponse{Messages: []*api.ApplyConfiguration{{
		Mode: request.GetMode(), ModeDetails: "Applied configuration with a reboot",
	}}}, nil
}

// Bootstrap starts etcd, once in the life of a cluster.
func (machine *Machine) Bootstrap(ctx context.Context, _ *api.BootstrapRequest) (*api.BootstrapResponse, error) {
	machine.record(ctx, "Bootstrap", nil)

	if err := machine.configured("Bootstrap"); err != nil {
		return nil, err
	}

	etcdMembers.Lock()
	defer etcdMembers.Unlock()

	if etcdMembers.running {
		return nil, status.Error(codes.AlreadyExists, "etcd data directory is not empty")
	}

	etcdMembers.running = true

	return &api.BootstrapResponse{Messages: []*api.Bootstrap{{}}}, nil
}

// EtcdMemberList fails until etcd runs.
func (machine *Machine) EtcdMemberList(context.Context, *api.EtcdMemberListRequest) (*api.EtcdMemberListResponse, error) {
	if err := machine.configured("EtcdMemberList"); err != nil {
		return nil, err
	}

	etcdMembers.Lock()
	defer etcdMembers.Unlock()

	if !etcdMembers.running {
		return nil, status.Error(codes.Unavailable, "error building etcd client: etcd is not running")
	}

	return &api.EtcdMemberListResponse{Messages: []*api.EtcdMembers{{
		Members: []*api.EtcdMember{{Id: 1, Hostname: machine.description.Address}},
	}}}, nil
}

// kubeconfig has the structure that talosctl insists on, and leads nowhere.
func (machine *Machine) kubeconfig() ([]byte, error) {
	key, err := stdx509.MarshalPKCS8PrivateKey(machine.selfSigned.PrivateKey)
	if err != nil {
		return nil, err
	}

	certificate := encoded("CERTIFICATE", machine.selfSigned.Certificate[0])

	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
  - name: anton
    cluster:
      server: https://127.0.0.1:1
      certificate-authority-data: %s
contexts:
  - name: admin@anton
    context:
      cluster: anton
      namespace: default
      user: admin@anton
current-context: admin@anton
users:
  - name: admin@anton
    user:
      client-certificate-data: %s
      client-key-data: %s
`, certificate, certificate, encoded("PRIVATE KEY", key)), nil
}

// encoded is PEM in base64.
func encoded(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// Kubeconfig is a file in a tar.gz.
func (machine *Machine) Kubeconfig(_ *emptypb.Empty, stream grpc.ServerStreamingServer[common.Data]) error {
	machine.record(stream.Context(), "Kubeconfig", nil)

	if err := machine.configured("Kubeconfig"); err != nil {
		return err
	}

	kubeconfig, err := machine.kubeconfig()
	if err != nil {
		return err
	}

	var archive bytes.Buffer

	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)

	if err := files.WriteHeader(&tar.Header{Name: "kubeconfig", Mode: 0o600, Size: int64(len(kubeconfig)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}

	if _, err := files.Write(kubeconfig); err != nil {
		return err
	}

	if err := files.Close(); err != nil {
		return err
	}

	if err := zipped.Close(); err != nil {
		return err
	}

	return stream.Send(&common.Data{Bytes: archive.Bytes()})
}

// Reset wipes the machine: it is in maintenance mode again.
func (machine *Machine) Reset(ctx context.Context, request *api.ResetRequest) (*api.ResetResponse, error) {
	labels := []string{}
	for _, partition := range request.GetSystemPartitionsToWipe() {
		labels = append(labels, partition.GetLabel())
	}

	machine.record(ctx, "Reset", map[string]any{
		"graceful": request.GetGraceful(), "reboot": request.GetReboot(), "wipe": labels,
	})

	machine.mutex.Lock()
	machine.config = nil
	machine.mutex.Unlock()

	if err := machine.resources.Maintenance(ctx); err != nil {
		return nil, err
	}

	return &api.ResetResponse{Messages: []*api.Reset{{}}}, nil
}

// Reboot changes nothing here.
func (machine *Machine) Reboot(ctx context.Context, _ *api.RebootRequest) (*api.RebootResponse, error) {
	machine.record(ctx, "Reboot", nil)

	return &api.RebootResponse{Messages: []*api.Reboot{{}}}, nil
}

type images struct {
	api.UnimplementedImageServiceServer

	machine *Machine
}

// Pull is the first half of an upgrade.
func (service *images) Pull(request *api.ImageServicePullRequest, stream grpc.ServerStreamingServer[api.ImageServicePullResponse]) error {
	service.machine.record(stream.Context(), "Pull", map[string]any{"image": request.GetImageRef()})

	return stream.Send(&api.ImageServicePullResponse{
		Response: &api.ImageServicePullResponse_Name{Name: request.GetImageRef()},
	})
}

type lifecycle struct {
	api.UnimplementedLifecycleServiceServer

	machine *Machine
}

// Upgrade is the second half.
func (service *lifecycle) Upgrade(request *api.LifecycleServiceUpgradeRequest, stream grpc.ServerStreamingServer[api.LifecycleServiceUpgradeResponse]) error {
	service.machine.record(stream.Context(), "Upgrade", map[string]any{"image": request.GetSource().GetImageName()})

	return stream.Send(&api.LifecycleServiceUpgradeResponse{Progress: &api.LifecycleServiceInstallProgress{
		Response: &api.LifecycleServiceInstallProgress_ExitCode{ExitCode: 0},
	}})
}
