// What Renovate says of configurations of a repository, without resolving presets.
//   node renovate_judge.mjs <renovate> < texts.json    [["name.json5", "{...}"], ...]
// Prints for each [the value that it reads or null, errors, warnings], as JSON.
import { text as all } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const [renovate] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${renovate}/dist/${path}.js`));
const { parseJson } = await load("util/common");
const { GlobalConfig } = await load("config/global");
const { migrateConfig } = await load("config/migration");
const { massageConfig } = await load("config/massage");
const { validateConfig } = await load("config/validation");

GlobalConfig.set({ allowedEnv: [], allowedHeaders: ["X-*"] });
const judged = [];
for (const [name, text] of JSON.parse(await all(process.stdin))) {
  let value;
  try {
    value = parseJson(text, name);
  } catch (error) {
    judged.push([null, [`syntax: ${error.message}`], []]);
    continue;
  }
  try {
    const { errors, warnings } = await validateConfig("repo", massageConfig(migrateConfig(value).migratedConfig));
    judged.push([value, errors.map(({ message }) => message), warnings.map(({ message }) => message)]);
  } catch (error) {
    judged.push([value, [`crash: ${error.message}`], []]);
  }
}
console.log(JSON.stringify(judged));
