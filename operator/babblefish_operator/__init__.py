"""The operator: what BabbleFish does in a Kubernetes cluster beside translating."""
