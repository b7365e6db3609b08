// Unpacks the browser, its libraries and its fonts into the folder of TMPDIR. The package does so with the
// libraries only where it believes to run in Lambda.
import chromium from "@sparticuz/chromium";

await chromium.executablePath();
