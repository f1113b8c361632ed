{{- define "babblefish.gateway.env" -}}
{{- $fullname := include "babblefish.fullname" . -}}
{{ include "babblefish.commonEnv" . }}
- name: BABBLEFISH_PORT
  value: "9000"
- name: BABBLEFISH_ADMIN_PORT
  value: "9001"
- name: BABBLEFISH_TLS
  value: "false"
# Logs are for more people than the link is.
- name: BABBLEFISH_INVITE
  value: "false"
- name: BABBLEFISH_TRANSLATOR
  value: http://{{ $fullname }}-translator:9001
- name: BABBLEFISH_SYNTHESIZER
  value: http://{{ $fullname }}-synthesizer:9001
- name: BABBLEFISH_ADHOC_SESSIONS
  value: {{ .Values.gateway.adhocSessions | quote }}
- name: BABBLEFISH_TRUSTED_PROXIES
  value: {{ .Values.gateway.trustedProxies | toJson | squote }}
{{- range $secret := list "joinToken" "adminToken" "sessionKey" }}
{{ include "babblefish.secretEnv" (dict "root" $ "secret" $secret) }}
{{- end }}
{{- end }}
