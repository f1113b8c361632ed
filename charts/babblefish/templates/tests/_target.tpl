{{/* The ingress if there is one, else the gateway's Service. */}}
{{- define "babblefish.testTarget" -}}
{{- $ingress := .Values.ingress -}}
{{- if $ingress.enabled -}}
{{- $controller := "traefik.kube-system.svc" -}}
{{- $connect := .Values.tests.connect | default (printf "%s:%s" $controller ($ingress.tls.enabled | ternary "443" "80")) -}}
- --server={{ include "babblefish.scheme" . }}://{{ $ingress.host | default $controller }}/
- --connect={{ $connect }}
{{- /* Whether phones trust the certificate is between them and it. */}}
{{- if $ingress.tls.enabled }}
- --insecure
{{- end }}
{{- else -}}
- --server=http://{{ include "babblefish.fullname" . }}-gateway:9000/
{{- end }}
{{- end }}

{{- define "babblefish.scheme" -}}
{{ .Values.ingress.tls.enabled | ternary "https" "http" }}
{{- end }}
