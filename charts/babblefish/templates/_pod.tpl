{{/* What all pods share. */}}

{{/* No chart version here: an upgrade that changes nothing restarts nobody. */}}
{{- define "babblefish.podMetadata" -}}
{{- $part := index .root.Values .part -}}
{{- $scrape := dict -}}
{{- /* A training serves nothing, metrics neither. */}}
{{- if and .root.Values.monitoring.annotations (ne .part "training") -}}
{{- $scrape = dict "prometheus.io/scrape" "true" "prometheus.io/port" "9001" "prometheus.io/path" "/metrics" -}}
{{- end -}}
{{- $own := include "babblefish.selector" . | fromYaml -}}
labels:
  {{- toYaml (merge dict $own $part.podLabels .root.Values.commonLabels) | nindent 2 }}
{{- with merge dict $part.podAnnotations $scrape }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* `.where` is a component's values with what the chart itself says of nodes. */}}
{{- define "babblefish.podSpec" -}}
{{- $part := .where | default (index .root.Values .part) -}}
serviceAccountName: {{ include "babblefish.partname" . }}
# Only the operator calls the API server.
automountServiceAccountToken: {{ eq .part "operator" }}
# Services' names would arrive as BABBLEFISH_… variables, which are settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $part.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $part $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "babblefish.selector" . | fromYaml)) }}
{{- with $part.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ merge dict . $own | toJson }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "babblefish.container" -}}
image: {{ include "babblefish.image" . }}
imagePullPolicy: {{ (index .root.Values .part).image.pullPolicy | default .root.Values.image.pullPolicy }}
{{ include "babblefish.containerSecurity" . }}
resources:
  {{- include "babblefish.resources" . | nindent 2 }}
{{- end }}

{{- define "babblefish.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Whole cores come out equal, which makes the pod Guaranteed; threads are counted from limits.
The operator has none to count. */}}
{{- define "babblefish.resources" -}}
{{- $part := index .root.Values .part -}}
requests:
  cpu: {{ $part.cpu | toString | quote }}
  memory: {{ $part.memory }}
  {{- if $part.gpu }}
  nvidia.com/gpu: "1"
  {{- end }}
limits:
  cpu: {{ ternary $part.cpu (ceil $part.cpu) (eq .part "operator") | toString | quote }}
  memory: {{ $part.memory }}
  {{- if $part.gpu }}
  nvidia.com/gpu: "1"
  {{- end }}
{{- end }}

{{/* `.env` is what the chart sets, as YAML; a name that comes twice would be decided by accident. */}}
{{- define "babblefish.env" -}}
{{- $own := .env | fromYamlArray -}}
{{- $names := list -}}
{{- range $own }}{{ $names = append $names .name }}{{ end -}}
{{- $extra := (index .root.Values .part).extraEnv -}}
{{- range $extra -}}
{{- if has .name $names -}}
{{- fail (printf "%s.extraEnv: %s is set by the chart." $.part .name) -}}
{{- end -}}
{{- end -}}
env:
  {{- concat $own $extra | toYaml | nindent 2 }}
{{- end }}

{{/* What the gateway, the stages, the cloner and the training are told alike. */}}
{{- define "babblefish.commonEnv" -}}
- name: BABBLEFISH_PROFILE
  value: {{ .root.Values.profile }}
- name: BABBLEFISH_LOG_LEVEL
  value: {{ .root.Values.logLevel }}
{{- /* A folder below: everybody may write to the volume itself, which is refused. */}}
- name: BABBLEFISH_DATA_DIR
  value: /var/lib/babblefish/data
- name: BABBLEFISH_THREADS
  valueFrom:
    resourceFieldRef:
      resource: limits.cpu
      divisor: "1"
- name: BABBLEFISH_PINNED
  value: {{ (index .root.Values .part).pinned | quote }}
{{- end }}

{{/* All that can be written to. */}}
{{- define "babblefish.mounts" -}}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: /var/lib/babblefish
{{- end }}

{{/* `.claim` keeps the data; without one they are gone with the pod. `.medium` is where that is. */}}
{{- define "babblefish.volumes" -}}
volumes:
  - name: tmp
    {{- include "babblefish.emptied" . | nindent 4 }}
  - name: data
    {{- with .claim }}
    persistentVolumeClaim:
      claimName: {{ . }}
    {{- else }}
    {{- include "babblefish.emptied" $ | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "babblefish.emptied" -}}
emptyDir:
  sizeLimit: 256Mi
  {{- with .medium }}
  medium: {{ . }}
  {{- end }}
{{- end }}

{{/* `.port` is asked for /health, and for `.ready` whether it may be called. */}}
{{- define "babblefish.probes" -}}
startupProbe:
  httpGet:
    path: /health
    port: {{ .port }}
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet:
    path: /health
    port: {{ .port }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: {{ .ready }}
    port: {{ .port }}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 5
{{- end }}
