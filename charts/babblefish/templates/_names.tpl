{{/* What things are called. `.part` is a component: gateway, a stage, cloner, training, operator. */}}

{{/* The stages that the profile has, and all components, as JSON. */}}
{{- define "babblefish.stages" -}}
{{ concat (list "translator" "synthesizer") (eq .Values.profile "full" | ternary (list "speaker") list) | toJson }}
{{- end }}

{{- define "babblefish.parts" -}}
{{- $cloner := .Values.cloner.enabled | ternary (list "cloner") list -}}
{{- $training := empty .Values.training.voice | ternary list (list "training") -}}
{{ concat (list "gateway") (include "babblefish.stages" . | fromJsonArray) $cloner $training (list "operator") | toJson }}
{{- end }}

{{- define "babblefish.name" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end }}

{{/* Room for the longest suffix in 63 characters; the hash keeps long names apart. */}}
{{- define "babblefish.fullname" -}}
{{- $name := include "babblefish.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- $full = .Values.fullnameOverride | default $full -}}
{{- if gt (len $full) 45 -}}
{{- $full = printf "%s-%s" (trunc 36 $full | trimSuffix "-") (sha256sum $full | trunc 8) -}}
{{- end -}}
{{ $full }}
{{- end }}

{{- define "babblefish.partname" -}}
{{ include "babblefish.fullname" .root }}-{{ .part }}
{{- end }}

{{- define "babblefish.selector" -}}
app.kubernetes.io/name: {{ include "babblefish.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "babblefish.labels" -}}
{{- $own := include "babblefish.selector" . | fromYaml -}}
{{- $about := dict
  "app.kubernetes.io/part-of" "babblefish"
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63) -}}
{{- toYaml (merge dict $own $about (.labels | default dict) .root.Values.commonLabels) }}
{{- end }}

{{- define "babblefish.metadata" -}}
name: {{ include "babblefish.partname" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "babblefish.labels" . | nindent 2 }}
{{- end }}

{{- define "babblefish.image" -}}
{{- $image := (index .root.Values .part).image -}}
{{- $default := .root.Values.image -}}
{{- $name := printf "%s/%s" ($image.registry | default $default.registry) $image.repository | trimPrefix "/" -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else -}}
{{ $name }}:{{ $image.tag | default $default.tag | default .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* All of these are made where they are not given, as JSON. */}}
{{- define "babblefish.secrets" -}}
{{ list "joinToken" "adminToken" "sessionKey" "acceleratorToken" | toJson }}
{{- end }}

{{/* Where a secret is: `.secret` is one of them. */}}
{{- define "babblefish.secret" -}}
{{- $given := index .root.Values .secret -}}
name: {{ $given.existingSecret | default (printf "%s-%s" (include "babblefish.fullname" .root) (kebabcase .secret)) }}
key: {{ empty $given.existingSecret | ternary (include "babblefish.secretKey" .secret) $given.existingSecretKey }}
{{- end }}

{{/* The key in a Secret that we made: token or key. */}}
{{- define "babblefish.secretKey" -}}
{{ kebabcase . | splitList "-" | last }}
{{- end }}

{{/* As a variable of a container. */}}
{{- define "babblefish.secretEnv" -}}
- name: BABBLEFISH_{{ snakecase .secret | upper }}
  valueFrom:
    secretKeyRef:
      {{- include "babblefish.secret" . | nindent 6 }}
{{- end }}
