/*
 * browse: drives Debian's Chromium for peers/chromium.py.  A line of JSON in,
 * {"do": what, ...}; a line of JSON out, what came of it or {"error": text}.
 * With a proxy or a PAC file of the gateway's, as a user would have set it.
 */
"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");

const [modules, settings] = [process.argv[2], JSON.parse(process.argv[3])];
const { chromium } = require(path.join(modules, "playwright-core"));

const PROGRAM = "/usr/lib/chromium/chromium"; // not the script around it
const PATIENCE = 120000; // of a machine under load

let context;
let page;
let heard = []; // of the browser's console: what a page could not do

const acts = {
	/* Goes there; what a user then sees, and each thing it fetched. */
	async goto({ url }) {
		const fetched = [];
		const keep = (r) => fetched.push([r.url(), r.status()]);

		heard = [];
		page.on("response", keep);
		try {
			const got = await page.goto(url, { waitUntil: "load" });
			return {
				status: got.status(),
				fields: await got.allHeaders(),
				title: await page.title(),
				text: await page.innerText("body"),
				url: page.url(),
				fetched,
				heard,
			};
		} finally {
			page.off("response", keep);
		}
	},

	/* Runs there; gives what it gives. */
	async run({ script }) {
		return { value: await page.evaluate(script) };
	},

	/* A click on a link that is a download. */
	async download({ link, to }) {
		const waits = page.waitForEvent("download");
		await page.click(link);
		const download = await waits;
		const failure = await download.failure();

		if (failure === null)
			await download.saveAs(to);
		return { name: download.suggestedFilename(), failure };
	},

	/* A click on a link that leads to a page. */
	async follow({ link }) {
		const waits = page.waitForEvent("load");
		await page.click(link);
		await waits;
		return { title: await page.title(),
			text: await page.innerText("body"), url: page.url() };
	},

	async shot({ to, dark, width }) {
		await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
		await page.setViewportSize({ width: width || 900, height: 700 });
		await page.screenshot({ path: to, fullPage: true });
		return {};
	},
};

async function start() {
	const args = ["--disable-quic", "--disable-background-networking",
		"--disable-component-update", ...settings.args];
	context = await chromium.launchPersistentContext(settings.profile, {
		executablePath: PROGRAM, headless: true, args,
		acceptDownloads: true, timeout: PATIENCE,
	});
	context.setDefaultTimeout(PATIENCE);
	page = context.pages()[0] || await context.newPage();
	page.on("console", (said) => heard.push(said.text()));
	page.on("pageerror", (error) => heard.push(String(error)));
}

function say(value) {
	fs.writeSync(1, JSON.stringify(value) + "\n");
}

async function main() {
	await start();
	say({ ready: context.browser() === null ? "" :
		context.browser().version() });
	for await (const line of readline.createInterface(process.stdin)) {
		const command = JSON.parse(line);
		try {
			say(await acts[command.do](command));
		} catch (error) {
			say({ error: String(error) });
		}
	}
	await context.close();
}

main().catch((error) => {
	say({ error: String(error) });
	process.exit(1);
});
