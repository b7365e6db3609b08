// What Renovate's copier manager does with one answers file, in a clone of its own.
//   node update.mjs <renovate> <origin> <clone> <answers file> <version>
// Prints what the manager returns, as JSON.
import { pathToFileURL } from "node:url";

const [renovate, origin, localDir, packageFileName, newValue] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${renovate}/dist/${path}.js`));
const { GlobalConfig } = await load("config/global");
const git = await load("util/git/index");
const { updateArtifacts } = await load("modules/manager/copier/artifacts");

GlobalConfig.set({ localDir, binarySource: "global", platform: "gitea" });
await git.initRepo({ url: origin });
await git.syncGit();
const results = await updateArtifacts({ packageFileName, updatedDeps: [{ newValue }], config: {} });
console.log(JSON.stringify(results, (key, value) => (value?.type === "Buffer" ? undefined : value)));
