{{- define "babblefish.gateway.env" -}}
{{- $fullname := include "babblefish.fullname" . -}}
{{ include "babblefish.commonEnv" (dict "root" . "part" "gateway") }}
- name: BABBLEFISH_PORT
  value: "9000"
- name: BABBLEFISH_ADMIN_PORT
  value: "9001"
- name: BABBLEFISH_TLS
  value: "false"
# Logs are for more people than the link is.
- name: BABBLEFISH_INVITE
  value: "false"
{{- range $stage := include "babblefish.stages" . | fromJsonArray }}
- name: BABBLEFISH_{{ upper $stage }}
  value: http://{{ $fullname }}-{{ $stage }}:9001
{{- end }}
- name: BABBLEFISH_ADHOC_SESSIONS
  value: {{ .Values.gateway.adhocSessions | quote }}
- name: BABBLEFISH_TRUSTED_PROXIES
  value: {{ .Values.gateway.trustedProxies | toJson | squote }}
{{- range $secret := include "babblefish.secrets" . | fromJsonArray }}
{{ include "babblefish.secretEnv" (dict "root" $ "secret" $secret) }}
{{- end }}
{{- end }}
