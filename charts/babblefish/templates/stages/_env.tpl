{{- define "babblefish.stage.env" -}}
{{ include "babblefish.commonEnv" . }}
- name: BABBLEFISH_PORT
  value: "9001"
{{- end }}
