{{- define "babblefish.definition" -}}
translationsessions.babblefish.io
{{- end }}

{{- define "babblefish.us" -}}
release {{ .Release.Name }} in namespace {{ .Release.Namespace }}
{{- end }}

{{/* Whose the cluster's definition is; empty: there is none, or nobody looks (`helm template`). */}}
{{- define "babblefish.definer" -}}
{{- with lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" (include "babblefish.definition" .) -}}
{{- $name := dig "metadata" "annotations" "meta.helm.sh/release-name" "" . -}}
{{- $namespace := dig "metadata" "annotations" "meta.helm.sh/release-namespace" "" . -}}
{{- $release := dict "Release" (dict "Name" $name "Namespace" $namespace) -}}
{{- $name | empty | ternary "somebody without Helm" (include "babblefish.us" $release) -}}
{{- end -}}
{{- end }}

{{/* Helm would refuse to install what belongs to another release: then it is left to that one. */}}
{{- define "babblefish.definitionIsOurs" -}}
{{- if .Values.crds.install -}}
{{- $us := include "babblefish.us" . -}}
{{- eq (include "babblefish.definer" . | default $us) $us | ternary "true" "" -}}
{{- end -}}
{{- end }}
