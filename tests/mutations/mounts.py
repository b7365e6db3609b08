"""What containers mount, and where."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

RULE = "mount-refused"
RELEASE = f"{APP}/app/helmrelease.yaml"
DEPLOYMENT = f"{MEDIA}/manifests-none-none/app/deployment.yaml"
TMP = "        type: emptyDir\n        globalMounts:\n          - path: /tmp\n"
MORE = "      more:\n        type: emptyDir\n        globalMounts:\n"
VOLUMES = "      volumes:\n"
MOUNT = "            - name: more\n              mountPath: /more\n"

MUTATIONS = [
    Mutation("two volumes at one path", RULE, RELEASE, "path: /tmp # 2",
             {RELEASE: (TMP, f"{TMP}{MORE}          - path: /tmp # 2\n")}),
    Mutation("a part of a volume by an absolute path", RULE, RELEASE, "path: /more # this",
             {RELEASE: (TMP, f"{TMP}{MORE}          - path: /more # this\n            subPath: /a\n")}),
    Mutation("a container that mounts at one path twice", RULE, DEPLOYMENT, "name: more # this",
             {DEPLOYMENT: (VOLUMES, f"{MOUNT}{MOUNT.replace('name: more', 'name: more # this')}{VOLUMES}"
                                    "        - name: more\n          emptyDir: {}\n")}),
]  # fmt: skip
HARMLESS = [
    Harmless(
        "two parts of a volume at two paths",
        {RELEASE: (TMP, f"{TMP}{MORE}          - path: /more\n            subPath: a\n          - path: /other\n")},
    ),
]
