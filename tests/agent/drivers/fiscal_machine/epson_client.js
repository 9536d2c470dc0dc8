// Lets Epson's own fiscalprint.js, and the point of sale that carries it, speak to a machine; neither is part of this repository.
// Arguments: the folder in which both and jsdom lie, and the address of the machine. Reads one job per line and answers each by one line.
const fs = require("fs");
const path = require("path");
const readline = require("readline");

const [folder, address] = process.argv.slice(2);
const { JSDOM } = require(path.join(folder, "node_modules", "jsdom"));
const addon = path.join(folder, "odoo/addons/fiscal_epos_print/static");
const url = address + "/cgi-bin/fpmate.cgi?devid=local_printer&timeout=10000";

const { window } = new JSDOM("", { url: address + "/", runScripts: "outside-only" });
window.eval(fs.readFileSync(path.join(addon, "lib/fiscalprint/fiscalprint.js"), "utf8"));

// What the point of sale's builder expects around itself: classes, rounding, and lists.
function extended(members) {
  return function (...args) {
    Object.assign(this, members);
    this.init(...args);
  };
}
const round = (amount, unit) => Math.round(amount / unit) * unit;
const around = {
  "web.core": { _t: (text) => text, Class: { extend: extended } },
  "web.utils": { round_precision: (amount, unit) => Number(round(amount, unit).toFixed(2)) },
  "point_of_sale.Gui": { Gui: { showPopup() {} } },
};
let builder;
const odoo = { define: (name, make) => (builder = make((wanted) => around[wanted])) };
const lists = { each: (list, act) => list.forEach(act), every: (list, holds) => list.every(holds) };
const source = fs.readFileSync(path.join(addon, "src/js/epson_epos_print.js"), "utf8");
new Function("odoo", "epson", "_", "console", source)(odoo, window.epson, lists, { log() {} });

function listening(printer, answer) {
  printer.onreceive = (result, names, told) => answer({ result, names: [...names], told });
  printer.onerror = (result) => answer({ error: result.code });
  return printer;
}

function send(job) {
  return new Promise((answer) => listening(new window.epson.fiscalPrint(), answer).send(url, job.xml, 10000));
}

function sell(job) {
  return new Promise((answer) => {
    const sender = { env: { pos: { currency: { rounding: 0.01 }, config: {} } } };
    const driver = new builder.eposDriver({ url, order: null }, sender);
    listening(driver.fiscalPrinter, answer);
    driver.printFiscalReceipt(job.receipt);
  });
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const job = JSON.parse(line);
  process.stdout.write(JSON.stringify(await (job.xml ? send(job) : sell(job))) + "\n");
}).on("close", () => process.exit(0));
