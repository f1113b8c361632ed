"""How many replicas the nodes hold now: read when it matters, never remembered.

Watching every pod of the cluster for it would cost memory all day for an answer that is wanted
when somebody joins.
"""

from babblefish_operator.api import Api, Json
from babblefish_operator.capacity import fits
from babblefish_operator.workloads import holding, node, pod, replica


async def room(api: Api, deployment: Json) -> int:
    """Raises `ApiError`."""
    ours = deployment["spec"]["selector"].get("matchLabels", {})
    namespace = deployment["metadata"]["namespace"]
    nodes = [node(body) for body in await api.list("/api/v1/nodes")]
    pods = []
    for body in filter(holding, await api.list("/api/v1/pods")):
        elsewhere = body["metadata"]["namespace"] != namespace
        pods.append(pod(body, {"": ""} if elsewhere else ours))
    return fits(replica(deployment), nodes, pods)
