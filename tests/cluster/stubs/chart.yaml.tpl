{{- /* What every stub has: its values, to be looked at, and the workloads that `stub.workloads` lists. */}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
  namespace: {{ .Release.Namespace }}
data:
  chart: {{ .Chart.Name }}-{{ .Chart.Version }}
  values.yaml: |
    {{- toYaml (omit .Values "stub") | nindent 4 }}
{{- range .Values.stub.workloads }}
---
apiVersion: apps/v1
kind: {{ .kind }}
metadata:
  name: {{ .name | default $.Release.Name }}
  namespace: {{ $.Release.Namespace }}
spec:
  selector: &selector
    matchLabels:
      stub.home.arpa/workload: {{ .name | default $.Release.Name }}
  {{- if eq .kind "StatefulSet" }}
  serviceName: {{ .name | default $.Release.Name }}
  {{- end }}
  template:
    metadata:
      labels:
        stub.home.arpa/workload: {{ .name | default $.Release.Name }}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: {{ .name | default $.Chart.Name }}
          image: stub.example.net/{{ $.Chart.Name }}:{{ $.Chart.Version }}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
{{- end }}
{{- range .Values.stub.objects }}
---
{{ tpl (toYaml .) $ }}
{{- end }}
