{{/* A Job's pods cannot be changed: others are those of another Job, by its name. */}}
{{- define "babblefish.training.job" -}}
{{- $name := include "babblefish.partname" (dict "root" . "part" "training") -}}
{{ $name }}-{{ include "babblefish.training.pod" . | sha256sum | trunc 8 }}
{{- end }}

{{- define "babblefish.training.pod" -}}
{{- $training := dict "root" . "part" "training" -}}
{{- $full := .Values.training.full | ternary (list "--full") list -}}
metadata:
  {{- include "babblefish.podMetadata" $training | nindent 2 }}
spec:
  {{- $where := include "babblefish.training.where" . | fromYaml }}
  {{- include "babblefish.podSpec" (merge (dict "where" $where) $training) | nindent 2 }}
  # Each try is a pod of its own, which keeps its log; the next one goes on from the folder in the claim.
  restartPolicy: Never
  # It has nothing to finish, and two at once would write to that folder.
  terminationGracePeriodSeconds: 1
  containers:
    - name: training
      args: {{ concat (list "voices" "train" .Values.training.voice) $full | toJson }}
      {{- include "babblefish.container" $training | nindent 6 }}
      {{- $env := include "babblefish.training.env" . }}
      {{- include "babblefish.env" (merge (dict "env" $env) $training) | nindent 6 }}
      {{- include "babblefish.stage.mounts" $training | nindent 6 }}
  {{- $claim := dict "claim" .Values.gateway.existingClaim }}
  {{- include "babblefish.stage.volumes" (merge $claim $training) | nindent 2 }}
{{- end }}
