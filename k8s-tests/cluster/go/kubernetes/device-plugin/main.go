// A device plugin that offers one nvidia.com/gpu which is not there, by the kubelet's own protocol:
// https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/
package main

import (
	"context"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	socket   = "invented.sock"
	patience = 5 * time.Second
	look     = 200 * time.Millisecond
)

type plugin struct {
	api.UnimplementedDevicePluginServer
}

func (plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

func (plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	devices := []*api.Device{{ID: "invented-0", Health: api.Healthy}}
	if err := stream.Send(&api.ListAndWatchResponse{Devices: devices}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// Allocate tells the container what NVIDIA's plugin would.
func (plugin) Allocate(_ context.Context, asked *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range asked.ContainerRequests {
		ids := strings.Join(container.DevicesIds, ",")
		given := &api.ContainerAllocateResponse{Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": ids}}
		answer.ContainerResponses = append(answer.ContainerResponses, given)
	}
	return answer, nil
}

// A kubelet that starts removes all sockets: who finds its own gone registers again.
func main() {
	for {
		if err := serve(); err != nil {
			log.Print(err)
		}
		time.Sleep(look)
	}
}

func serve() error {
	own := filepath.Join(api.DevicePluginPath, socket)
	os.Remove(own)
	listening, err := net.Listen("unix", own)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, plugin{})
	go server.Serve(listening)
	defer server.Stop()
	if err := register(); err != nil {
		return err
	}
	for {
		if _, err := os.Stat(own); err != nil {
			return err
		}
		time.Sleep(look)
	}
}

func register() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	trusted := grpc.WithTransportCredentials(insecure.NewCredentials())
	connection, err := grpc.NewClient("unix://"+api.KubeletSocket, trusted)
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = api.NewRegistrationClient(connection).Register(ctx, &api.RegisterRequest{
		Version: api.Version, Endpoint: socket, ResourceName: "nvidia.com/gpu",
	})
	return err
}
