package servers

import (
	"net/netip"
	"strings"

	"github.com/llmserving/grafana-vllm-datasource/pkg/evidence"
)

// Name is what an origin says about its server, in one spelling whatever the store's. What is not said is empty.
type Name struct {
	Environment, Cluster, Namespace string
	Pod                             string
	// Host is a host's name in lower case, an IP address in its shortest form without brackets and zone, or a name of another
	// kind as it is. Port is what follows it.
	Host, Port string
	// Container holds the first twelve digits of a container's id: a container's own host name has no more.
	Container string
	// Random says that the instance is an id which a process made up for itself; it stands in Host, and proves nothing where
	// another store has another name.
	Random bool
	// IP says that Host is an address, which cannot be compared with a host's name.
	IP bool
}

// NameOf reads the name of a server out of what a store calls pod and instance.
func NameOf(o *evidence.Origin) Name {
	if o == nil {
		return Name{}
	}
	n := Name{Environment: o.Environment, Cluster: o.Cluster, Namespace: o.Namespace, Pod: o.Pod}
	if id := containerID(n.Pod); id != "" && len(n.Pod) > shortID { // a short one may be a pod's name
		n.Pod, n.Container = "", id
	}
	if namespace, pod, ok := podPath(n.Pod); ok {
		n.Pod = pod
		if n.Namespace == "" {
			n.Namespace = namespace
		}
	}
	n.instance(o.Instance)
	return n
}

// instance reads a scrape address, a host, a pod with its namespace (and container), a container's id, or a random id.
func (n *Name) instance(text string) {
	text = strings.TrimSpace(text)
	if rest, ok := cutScheme(text); ok { // http://10.0.0.1:8000/metrics
		text, _, _ = strings.Cut(rest, "/")
	}
	if text == "" {
		return
	}
	if id := containerID(text); id != "" {
		n.Container = id
		return
	}
	if namespace, pod, ok := podPath(text); ok {
		if n.Pod == "" {
			n.Pod = pod
			if n.Namespace == "" {
				n.Namespace = namespace
			}
		}
		return // a name of its own beside the pod's tells nothing more
	}
	n.Host, n.Port = hostPort(text)
	if address, err := netip.ParseAddr(n.Host); err == nil {
		n.Host, n.IP = address.Unmap().WithZone("").String(), true // a zone is a name that the machine itself has for its link
		return
	}
	if n.Random = n.Port == "" && Random(n.Host); n.Random {
		return
	}
	if !strings.Contains(n.Host, ":") {
		n.Host = strings.ToLower(strings.TrimSuffix(n.Host, "."))
	}
}

// Host is the part of an address before the port, in one spelling: what an engine and the GPU exporter beside it share.
func Host(address string) string {
	var n Name
	n.instance(address)
	return n.Host
}

// hostPort cuts the port off. An IPv6 address without brackets has none, and a name that is no address may hold colons too:
// only digits after the only colon are a port.
func hostPort(text string) (host, port string) {
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "]"); ok && strings.HasPrefix(text, "[") {
		return inner, strings.TrimPrefix(rest, ":")
	}
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || strings.IndexByte(text, ':') != i || !digits(text[i+1:]) {
		return text, ""
	}
	return text[:i], text[i+1:]
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func cutScheme(text string) (rest string, ok bool) {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, ok := strings.CutPrefix(text, scheme); ok {
			return rest, true
		}
	}
	return text, false
}

// podPath reads namespace/pod and namespace/pod:container, as Promtail's and Alloy's instance is, and kubectl's pod/name/container.
func podPath(text string) (namespace, pod string, ok bool) {
	namespace, pod, ok = strings.Cut(text, "/")
	if !ok || namespace == "" || strings.ContainsAny(namespace, ": ") {
		return "", "", false
	}
	if namespace == "pod" || namespace == "pods" {
		pod, _, _ = strings.Cut(pod, "/")
		return "", pod, pod != ""
	}
	pod, _, _ = strings.Cut(pod, ":")
	return namespace, pod, pod != "" && !strings.ContainsAny(pod, "/ ")
}

// shortID is how many digits of its container's id a container has as its host name.
const shortID = 12

// containerID gives the first digits of a container's id: whole (64 digits), short (12), or behind the runtime's name.
func containerID(text string) string {
	for _, runtime := range []string{"docker://", "containerd://", "cri-o://"} {
		text = strings.TrimPrefix(text, runtime)
	}
	if len(text) != 64 && len(text) != shortID || strings.Trim(text, "0123456789abcdef") != "" {
		return ""
	}
	if len(text) == shortID && (digits(text) || strings.Trim(text, "abcdef") == "") {
		return "" // a number or a word
	}
	return text[:shortID]
}

// Random reports whether a name has the form of a UUID of version 4: the OpenTelemetry SDK makes one up for a process whose
// operator set no service.instance.id.
func Random(name string) bool {
	return len(name) == 36 && name[8] == '-' && name[13] == '-' && name[14] == '4' && name[18] == '-' && name[23] == '-'
}

// Named reports whether an origin says which server it comes from at all. A random id does not.
func Named(o *evidence.Origin) bool {
	n := NameOf(o)
	return n.Pod != "" || n.Container != "" || n.Host != "" && !n.Random
}

// aliases are the names under which another store may know this server, the most telling first. Areas are left out: whether
// they fit is compared.
func (n Name) aliases() []string {
	out := make([]string, 0, 5)
	add := func(name string) {
		if name == "" {
			return
		}
		for _, known := range out {
			if known == name {
				return
			}
		}
		out = append(out, name)
	}
	add(n.Pod)
	add(n.address())
	add(n.Container)
	add(n.Host)
	if !n.IP && !n.Random {
		if short, _, ok := strings.Cut(n.Host, "."); ok { // gpu-7.example.com is gpu-7 to its neighbours
			add(short)
		}
	}
	return out
}

// address is the host with its port, where both are known.
func (n Name) address() string {
	if n.Host == "" || n.Port == "" {
		return ""
	}
	if strings.Contains(n.Host, ":") {
		return "[" + n.Host + "]:" + n.Port
	}
	return n.Host + ":" + n.Port
}

// Aliases are the names by which stores may meet in a server, the most telling first, in one spelling.
func Aliases(o *evidence.Origin) []string { return NameOf(o).aliases() }
