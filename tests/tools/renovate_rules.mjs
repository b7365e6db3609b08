// What the rules of a configuration decide for updates.
//   node renovate_rules.mjs <renovate> < [configuration's text, [update, ...]] as JSON
// Prints for each update the options that its pull request is made with, as JSON.
import { text as all } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const [renovate] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${renovate}/dist/${path}.js`));
const { parseJson } = await load("util/common");
const { getConfig } = await load("config/defaults");
const { mergeChildConfig } = await load("config/utils");
const { migrateConfig } = await load("config/migration");
const { massageConfig } = await load("config/massage");
const { applyPackageRules } = await load("util/package-rules/index");

const [configuration, updates] = JSON.parse(await all(process.stdin));
const own = massageConfig(migrateConfig(parseJson(configuration, "renovate.json5")).migratedConfig);
const base = mergeChildConfig(getConfig(), own);
const decided = [];
for (const update of updates) {
  const { automerge, automergeType, platformAutomerge, minimumReleaseAge, minimumReleaseAgeBehaviour, internalChecksFilter } =
    await applyPackageRules({ ...base, ...update }, "update-type");
  decided.push({ automerge, automergeType, platformAutomerge, minimumReleaseAge, minimumReleaseAgeBehaviour, internalChecksFilter });
}
console.log(JSON.stringify(decided));
