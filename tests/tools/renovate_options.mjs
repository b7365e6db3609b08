// The options, presets and managers of a Renovate, as JSON: what it validates a repository's configuration by.
//   node renovate_options.mjs <renovate>
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [renovate] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${renovate}/dist/${path}.js`));
const source = (path) => readFileSync(`${renovate}/dist/${path}.js`, "utf8");
const { getOptions } = await load("config/options/index");
const { MigrationsService } = await load("config/migrations/migrations-service");
const { internalPresetNames } = await load("config/presets/internal/index");
const { removedPresets } = await load("config/presets/common");
const { AllManagersListLiteral } = await load("manager-list.generated");

const options = {};
for (const option of getOptions()) {
  options[option.name] = {
    type: option.type,
    ...(option.allowedValues && { values: option.allowedValues }),
    ...(option.parents && { parents: option.parents }),
    ...(option.globalOnly && { global: true }),
    ...(option.allowString && { text: true }),
    ...(option.allowNegative && { negative: true }),
    ...((option.freeChoice || option.additionalProperties) && { free: true }),
  };
}
// Names that a migration gives another name, or takes away. Some are in its functions alone.
const former = MigrationsService.getMigrations({}, {}).map(({ propertyName }) => propertyName);
const rules = source("config/migrations/custom/package-rules-migration");
const renamed = rules.match(/renameMap = {(.*?)}/s)[1].matchAll(/(\w+):/g);
const merged = rules.matchAll(/key === "(\w+)"/g);
const languages = source("config/migration").match(/const language of \[(.*?)\]/s)[1].matchAll(/"(\w+)"/g);
const ignored = source("config/validation").match(/ignoredNodes = \[(.*?)\]/s)[1].matchAll(/"([^"]+)"/g);
const names = (matches) => [...matches].map(([, name]) => name);
console.log(
  JSON.stringify({
    version: JSON.parse(readFileSync(`${renovate}/package.json`, "utf8")).version,
    options,
    former: [...former.filter((name) => typeof name === "string"), ...names(renamed), ...names(merged), ...names(languages)],
    patterns: former.filter((name) => name instanceof RegExp).map(({ source }) => source),
    ignored: names(ignored),
    managers: AllManagersListLiteral,
    presets: [...internalPresetNames, ...Object.keys(removedPresets)],
  }),
);
