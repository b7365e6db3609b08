"""Renovate's own configuration: what it refuses, and what it passes over."""

from tests.mutations.mutation import Harmless, Mutation

RENOVATE = ".renovaterc.json5"
EXTENDS = '    "config:recommended",\n'
LIMIT = "  prConcurrentLimit: 20,\n"


def refused(name: str, at: str, text: str) -> Mutation:
    """Return a mutation that adds an option, at whose line Renovate stops."""
    return Mutation(name, "renovate-refused", RENOVATE, at, {RENOVATE: (LIMIT, f"{LIMIT}{text}")})


def ignored(name: str, at: str, text: str) -> Mutation:
    """Return a mutation that adds an option, which Renovate passes over."""
    return Mutation(name, "renovate-ignores", RENOVATE, at, {RENOVATE: (LIMIT, f"{LIMIT}{text}")})


def with_preset(name: str, preset: str) -> Mutation:
    """Return a mutation that extends what is no preset."""
    return Mutation(
        name, "renovate-refused", RENOVATE, f'"{preset}"', {RENOVATE: (EXTENDS, f'{EXTENDS}    "{preset}",\n')}
    )


MUTATIONS = [
    Mutation("an option with a typo", "renovate-refused", RENOVATE, "extendz", {RENOVATE: ("extends:", "extendz:")}),
    Mutation(
        "a comma that is missing",
        "renovate-refused",
        RENOVATE,
        "prHourlyLimit",
        {RENOVATE: ("prHourlyLimit: 0,", "prHourlyLimit: 0")},
    ),
    refused("a text without quotes", "semanticCommitType", "  semanticCommitType: chore,\n"),
    refused("an option of another case", "minimumreleaseage", '  minimumreleaseage: "3 days",\n'),
    refused("a text for a switch", "automerge", '  automerge: "yes",\n'),
    refused("a text for a number", "branchConcurrentLimit", '  branchConcurrentLimit: "1",\n'),
    refused("a text for a list", "addLabels", "  addLabels: {},\n"),
    refused("a negative number", "branchConcurrentLimit", "  branchConcurrentLimit: -1,\n"),
    refused("a choice outside of a rule", "matchUpdateTypes", '  matchUpdateTypes: ["major"],\n'),
    refused("a manager with a typo", '"fluxx"', '  enabledManagers: [\n    "fluxx",\n  ],\n'),
    refused("a manager inside of an option", "flux: {enabled", "  major: {\n    flux: {enabled: true},\n  },\n"),
    Mutation(
        "a rule without a choice",
        "renovate-refused",
        RENOVATE,
        "{ // a rule",
        {RENOVATE: ("  packageRules: [\n", '  packageRules: [\n    { // a rule\n      groupName: "all",\n    },\n')},
    ),
    Mutation(
        "a rule with two choices that exclude each other",
        "renovate-refused",
        RENOVATE,
        'allowedVersions: "<1.37"',
        {RENOVATE: ('allowedVersions: "<1.37",\n', 'allowedVersions: "<1.37",\n      matchUpdateTypes: ["minor"],\n')},
    ),
    Mutation(
        "a custom manager without files",
        "renovate-refused",
        RENOVATE,
        "{ // a manager",
        {
            RENOVATE: (
                "  customManagers: [\n",
                '  customManagers: [\n    { // a manager\n      customType: "regex",\n'
                '      matchStrings: ["x"],\n    },\n',
            )
        },
    ),
    Mutation(
        "a custom manager that finds no version",
        "renovate-refused",
        RENOVATE,
        "{ // a manager",
        {
            RENOVATE: (
                "  customManagers: [\n",
                '  customManagers: [\n    { // a manager\n      customType: "regex",\n'
                '      managerFilePatterns: ["/x/"],\n      depNameTemplate: "x",\n'
                '      datasourceTemplate: "docker",\n      matchStrings: ["x"],\n    },\n',
            )
        },
    ),
    with_preset("a preset with a typo", "config:recomended"),
    with_preset("a preset with parameters and a typo", ":semanticPrefixx(chore)"),
    with_preset("a preset of a namespace of Renovate's with a typo", "helpers:pinGithubActionDigest"),
    with_preset("a preset for whoever runs Renovate", "global:safeEnv"),
    ignored("an option of whoever runs Renovate", "autodiscover", "  autodiscover: true,\n"),
    ignored("an option that nobody knows", "reviewAllOfThem", "  reviewAllOfThem: true,\n"),
    ignored("an option where it has no meaning", "matchHost", '  matchHost: "ghcr.io",\n'),
    ignored("a choice that there is not", "automergeType", '  automergeType: "pull",\n'),
]

HARMLESS = [
    Harmless(
        "options of former versions",
        {RENOVATE: (LIMIT, f"{LIMIT}  stabilityDays: 3,\n  regexManagers: [],\n  masterIssue: true,\n")},
    ),
    Harmless(
        "a data source with a name of one's own",
        {
            RENOVATE: (
                LIMIT,
                f"{LIMIT}  customDatasources: {{\n    games: "
                '{defaultRegistryUrlTemplate: "https://example.net/games.json"},\n  },\n',
            )
        },
    ),
    Harmless("switches of former versions", {RENOVATE: (LIMIT, f"{LIMIT}  semanticCommits: true,\n  major: false,\n")}),
    Harmless(
        "presets with parameters",
        {RENOVATE: (EXTENDS, f'{EXTENDS}    ":timezone(Europe/Berlin)",\n    "docker:enableMajor",\n')},
    ),
    Harmless(
        "presets of others",
        {RENOVATE: (EXTENDS, f'{EXTENDS}    "github>example/presets//renovate/flux.json5#1.2.3",\n')},
    ),
    Harmless(
        "all that JSON5 can",
        {
            RENOVATE: (
                LIMIT,
                f"{LIMIT}  /* of\n     two */\n  'branchPrefix': 'renovate\\/',\n  branchConcurrentLimit: +0x1,\n"
                '  commitBody: "two \\\nlines",\n',
            )
        },
    ),
]
