{{- define "babblefish.operator.env" -}}
{{- $ingress := .Values.ingress -}}
{{- $url := "" -}}
{{- if and $ingress.enabled $ingress.host -}}
{{- $url = printf "%s://%s" (include "babblefish.scheme" .) $ingress.host -}}
{{- end -}}
- name: BABBLEFISH_OPERATOR_LOG_LEVEL
  value: {{ .Values.logLevel }}
- name: BABBLEFISH_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: BABBLEFISH_OPERATOR_SYNTHESIZER
  value: {{ include "babblefish.partname" (dict "root" . "part" "synthesizer") }}
- name: BABBLEFISH_OPERATOR_GATEWAYS
  value: app.kubernetes.io/instance={{ .Release.Name }},app.kubernetes.io/component=gateway
- name: BABBLEFISH_OPERATOR_PUBLIC_URL
  value: {{ .Values.operator.publicUrl | default $url | quote }}
- name: BABBLEFISH_OPERATOR_QUIET_S
  value: {{ .Values.operator.quietSeconds | quote }}
- name: BABBLEFISH_OPERATOR_HEADROOM
  value: {{ .Values.operator.headroom | quote }}
{{- range $secret := list "adminToken" "sessionKey" }}
{{ include "babblefish.secretEnv" (dict "root" $ "secret" $secret) }}
{{- end }}
{{- end }}
