//! The kubelet and a pod.

use crate::cores_plan::CoresPlan;
use crate::export::authority_cores;

pub(super) fn kubernetes(cores: &CoresPlan) -> String {
    let own_count = authority_cores(cores).iter().filter(|core| !cores.house_keeping.contains(*core)).count().max(1);
    let house_keeping = &cores.house_keeping;
    format!(
        "# In the kubelet's configuration on the node. The static policy gives whole cores to containers of guaranteed pods
# that ask for a whole number of them; without full-pcpus-only another pod may get the hardware threads beside.
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cpuManagerPolicy: static
cpuManagerPolicyOptions:
  full-pcpus-only: \"true\"
reservedSystemCPUs: \"{house_keeping}\"
topologyManagerPolicy: single-numa-node
memorySwap:
  swapBehavior: NoSwap
---
# In the authority's container. Requests and limits are equal and whole, or the pod is not guaranteed and gets no core
# to itself. Which cores it gets is the kubelet's choice: the authority takes those that it is allowed, in turn, so say
# no --cores.
resources:
  requests: {{cpu: \"{own_count}\", memory: 4Gi}}
  limits: {{cpu: \"{own_count}\", memory: 4Gi}}
"
    )
}
