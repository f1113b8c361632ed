"""What is watched, and where it is."""

from dataclasses import dataclass

OWNED = "app.kubernetes.io/managed-by=babblefish-operator"
"""Which Secrets are ours: no others are read."""


@dataclass(frozen=True)
class Kind:
    """A kind of object, and which of them are looked at."""

    group: str
    version: str
    plural: str
    labels: str = ""
    fields: str = ""

    def path(self, namespace: str) -> str:
        """Its collection."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}"

    @property
    def query(self) -> dict[str, str]:
        """What narrows a list down to those that are looked at."""
        selectors = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: value for name, value in selectors.items() if value}


SESSIONS = Kind("babblefish.io", "v1alpha1", "translationsessions")
PODS = Kind("", "v1", "pods")
SECRETS = Kind("", "v1", "secrets", labels=OWNED)


def deployments(name: str) -> Kind:
    """The one of that name."""
    return Kind("apps", "v1", "deployments", fields=f"metadata.name={name}")


def watched(synthesizer: str) -> tuple[Kind, ...]:
    """Everything whose change is a reason to look again."""
    return SESSIONS, deployments(synthesizer), PODS, SECRETS
