// A small OPC UA server that is not asyncua: node lines of the tests, told by its arguments (JSON).
// It sends picoseconds with its time stamps and trusts only the certificates in its own store.
const { OPCUAServer, OPCUACertificateManager, Variant, DataType, StatusCodes, standardUnits, makeEUInformation,
        MessageSecurityMode, SecurityPolicy } = require("node-opcua");
const fs = require("fs");
const path = require("path");

async function main() {
  const options = JSON.parse(process.argv[2]);
  const store = new OPCUACertificateManager({
    automaticallyAcceptUnknownCertificate: false, rootFolder: path.join(options.folder, "pki") });
  await store.initialize();
  if (options.trust) await store.trustCertificate(fs.readFileSync(options.trust));
  const server = new OPCUAServer({
    host: "127.0.0.1", hostname: "127.0.0.1", port: options.port, allowAnonymous: false,
    serverCertificateManager: store, userCertificateManager: store,
    certificateFile: path.join(options.folder, "node-server.pem"), privateKeyFile: options.key,
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
    userManager: { isValidUser: (name, password) => name === "luban" && password === options.password },
  });
  await server.initialize();
  const space = server.engine.addressSpace.getOwnNamespace();
  const lathe = space.addObject({ organizedBy: server.engine.addressSpace.rootFolder.objects, browseName: "Lathe" });
  const analog = (name, unit, low, high, value) => space.addAnalogDataItem({
    componentOf: lathe, browseName: name, dataType: "Double", engineeringUnits: unit,
    engineeringUnitsRange: { low, high }, instrumentRange: { low: 0, high: 10 * high },
    accessLevel: "CurrentRead | CurrentWrite", userAccessLevel: "CurrentRead | CurrentWrite",
    value: new Variant({ dataType: DataType.Double, value }) });
  analog("Speed", makeEUInformation("2X", "m/min", "metre per minute"), 50, 500, 280);
  analog("Temperature", standardUnits.degree_celsius, 0, 100, 20);
  let count = 0;
  space.addVariable({ componentOf: lathe, browseName: "Heartbeat", dataType: "UInt32",
    value: { get: () => new Variant({ dataType: DataType.UInt32, value: count }) } });
  setInterval(() => { count += 1; }, 100);
  await server.start();
  console.log(JSON.stringify({ uri: space.namespaceUri, endpoint: server.getEndpointUrl(),
    certificate: server.getCertificate().toString("base64") }));
}
main().catch((error) => { console.error(error); process.exit(1); });
