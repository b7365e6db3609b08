package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/siderolabs/talos/pkg/machinery/api/common"
	api "github.com/siderolabs/talos/pkg/machinery/api/machine"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// member is one that etcd's own list has, whether or not its machine still runs it.
type member struct {
	id      uint64
	name    string
	machine *Machine
}

// etcd is that of all machines: no member, until one machine is bootstrapped.
var etcd struct {
	sync.Mutex
	members []member
	last    uint64
}

// add makes a machine a member, under an id that no other had before.
func add(machine *Machine) {
	etcd.last++
	machine.member = 0xa0 + etcd.last
	etcd.members = append(etcd.members, member{machine.member, machine.hostname(), machine})
}

// join makes every controller a member that has a configuration, once etcd runs.
func join() {
	if len(etcd.members) == 0 {
		return
	}

	for _, machine := range machines {
		if machine.member == 0 && machine.isController() && !machine.isDown() {
			add(machine)
		}
	}
}

// healthy is whether a member's machine runs it and it votes.
func (one member) healthy() bool {
	said := control.of(one.machine)

	return one.machine.member == one.id && !one.machine.isDown() && !said.EtcdStopped
}

// leader is the member that leads: none without a quorum. The one that the control file names leads when it can.
func leader() (uint64, bool) {
	var healthy []member

	voters := 0

	for _, one := range etcd.members {
		if control.of(one.machine).Learner {
			continue
		}

		voters++

		if one.healthy() {
			healthy = append(healthy, one)
		}
	}

	if len(healthy) < voters/2+1 {
		return 0, false
	}

	for _, one := range healthy {
		if control.of(one.machine).Leader {
			return one.id, true
		}
	}

	return healthy[0].id, true
}

// local is an error unless the machine's own etcd runs; the caller holds etcd's lock.
func (machine *Machine) local(method string) error {
	if err := machine.configured(method); err != nil {
		return err
	}

	join()

	if !machine.isController() {
		return status.Errorf(codes.Unimplemented, "%s is only available on control plane nodes", method)
	}

	if machine.member == 0 || control.of(machine).EtcdStopped {
		return status.Error(codes.Unavailable, "error building etcd client: etcd is not running")
	}

	return nil
}

// Bootstrap starts etcd, once in the life of a cluster; the other controllers join at once.
func (machine *Machine) Bootstrap(ctx context.Context, _ *api.BootstrapRequest) (*api.BootstrapResponse, error) {
	machine.record(ctx, "Bootstrap", nil)

	if err := machine.configured("Bootstrap"); err != nil {
		return nil, err
	}

	etcd.Lock()
	defer etcd.Unlock()

	if len(etcd.members) > 0 {
		return nil, status.Error(codes.AlreadyExists, "etcd data directory is not empty")
	}

	add(machine)
	join()

	return &api.BootstrapResponse{Messages: []*api.Bootstrap{{}}}, nil
}

// EtcdMemberList asks a member that has a leader.
func (machine *Machine) EtcdMemberList(context.Context, *api.EtcdMemberListRequest) (*api.EtcdMemberListResponse, error) {
	etcd.Lock()
	defer etcd.Unlock()

	if err := machine.local("EtcdMemberList"); err != nil {
		return nil, err
	}

	if _, ok := leader(); !ok {
		return nil, status.Error(codes.Unavailable, "etcdserver: no leader")
	}

	var listed []*api.EtcdMember

	for _, one := range etcd.members {
		address := one.machine.description.Address
		listed = append(listed, &api.EtcdMember{
			Id: one.id, Hostname: one.name, IsLearner: control.of(one.machine).Learner,
			PeerUrls: []string{"https://" + address + ":2380"}, ClientUrls: []string{"https://" + address + ":2379"},
		})
	}

	return &api.EtcdMemberListResponse{Messages: []*api.EtcdMembers{{Members: listed}}}, nil
}

// EtcdStatus is what a member knows by itself, also without a leader.
func (machine *Machine) EtcdStatus(context.Context, *emptypb.Empty) (*api.EtcdStatusResponse, error) {
	etcd.Lock()
	defer etcd.Unlock()

	if err := machine.local("EtcdStatus"); err != nil {
		return nil, err
	}

	found := &api.EtcdMemberStatus{
		MemberId: machine.member, DbSize: 21_000_000, DbSizeInUse: 9_000_000, RaftTerm: 3, RaftIndex: 100,
		RaftAppliedIndex: 100, ProtocolVersion: "3.7.1", StorageVersion: "3.7.0", IsLearner: control.of(machine).Learner,
	}

	var ok bool
	if found.Leader, ok = leader(); !ok {
		found.Errors = []string{"etcdserver: no leader"}
	}

	if alarm := control.of(machine).Alarm; alarm != "" {
		found.Errors = append(found.Errors, "alarm:"+alarm)
	}

	return &api.EtcdStatusResponse{Messages: []*api.EtcdStatus{{MemberStatus: found}}}, nil
}

// EtcdAlarmList is the same on every member that has a leader.
func (machine *Machine) EtcdAlarmList(context.Context, *emptypb.Empty) (*api.EtcdAlarmListResponse, error) {
	etcd.Lock()
	defer etcd.Unlock()

	if err := machine.local("EtcdAlarmList"); err != nil {
		return nil, err
	}

	var alarms []*api.EtcdMemberAlarm

	for _, one := range etcd.members {
		if alarm := control.of(one.machine).Alarm; alarm != "" {
			kind := api.EtcdMemberAlarm_AlarmType(api.EtcdMemberAlarm_AlarmType_value[alarm])
			alarms = append(alarms, &api.EtcdMemberAlarm{MemberId: one.id, Alarm: kind})
		}
	}

	return &api.EtcdAlarmListResponse{Messages: []*api.EtcdAlarm{{MemberAlarms: alarms}}}, nil
}

// EtcdRemoveMemberByID takes a member off the list.
func (machine *Machine) EtcdRemoveMemberByID(
	ctx context.Context, request *api.EtcdRemoveMemberByIDRequest,
) (*api.EtcdRemoveMemberByIDResponse, error) {
	machine.record(ctx, "EtcdRemoveMemberByID", map[string]any{"member": request.GetMemberId()})

	etcd.Lock()
	defer etcd.Unlock()

	if err := machine.local("EtcdRemoveMemberByID"); err != nil {
		return nil, err
	}

	if _, ok := leader(); !ok {
		return nil, status.Error(codes.Unavailable, "etcdserver: no leader")
	}

	if !remove(request.GetMemberId()) {
		return nil, status.Error(codes.NotFound, "etcdserver: member not found")
	}

	return &api.EtcdRemoveMemberByIDResponse{Messages: []*api.EtcdRemoveMemberByID{{}}}, nil
}

// remove is whether there was such a member.
func remove(id uint64) bool {
	before := len(etcd.members)
	etcd.members = slices.DeleteFunc(etcd.members, func(one member) bool { return one.id == id })

	return len(etcd.members) < before
}

// EtcdSnapshot sends the file etcd.snapshot that lies beside the control file.
func (machine *Machine) EtcdSnapshot(_ *api.EtcdSnapshotRequest, stream grpc.ServerStreamingServer[common.Data]) error {
	machine.record(stream.Context(), "EtcdSnapshot", nil)
	etcd.Lock()
	err := machine.local("EtcdSnapshot")
	etcd.Unlock()

	if err != nil {
		return err
	}

	// A real one, since talosctl looks into it.
	content, err := os.ReadFile(filepath.Join(filepath.Dir(control.path), "etcd.snapshot"))
	if err != nil {
		return err
	}

	for chunk := range slices.Chunk(content, len(content)/8+1) {
		if err := stream.Send(&common.Data{Bytes: chunk}); err != nil {
			return err
		}

		if !machine.pause(stream.Context(), control.of(machine).SnapshotSeconds/8) {
			return stream.Context().Err()
		}

		if message := control.of(machine).SnapshotFails; message != "" {
			return status.Error(codes.Unavailable, message)
		}
	}

	return nil
}

// pause is whether the caller is still there after so many seconds.
func (machine *Machine) pause(ctx context.Context, seconds float64) bool {
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return true
	case <-ctx.Done():
		return false
	}
}
