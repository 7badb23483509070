// How long another library takes for a certificate under did:key: node digitalbazaar.mjs CERTIFICATE NODE_MODULES CONTEXTS
// Prints the mean in milliseconds, after some runs that are not counted.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';

const WARM_UP = 20;
const RUNS = 100;

const [file, modules, contexts] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'x.js'));
const load = name => import(require.resolve(name));
const {DataIntegrityProof} = await load('@digitalbazaar/data-integrity');
const {cryptosuite} = await load('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');
const vc = await load('@digitalbazaar/vc');

const credential = JSON.parse(readFileSync(file, 'utf8'));
const context = name => JSON.parse(readFileSync(join(contexts, name), 'utf8'));
const did = credential.issuer.id;
const key = did.slice('did:key:'.length);
const id = `${did}#${key}`;
const method = {'@context': 'https://w3id.org/security/multikey/v1', id, type: 'Multikey', controller: did, publicKeyMultibase: key};
const known = new Map([
  ['https://www.w3.org/ns/credentials/v2', context('credentials-v2.json')],
  ['https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json', context('ob-v3p0-context-3.0.3.json')],
  ['https://w3id.org/security/multikey/v1', context('security-multikey-v1.json')],
  [did, {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did, assertionMethod: [id], verificationMethod: [method],
  }],
  [id, method],
]);
const documentLoader = url => {
  if(!known.has(url)) {
    throw new Error(`nothing is known under ${url}`);
  }
  return {contextUrl: null, documentUrl: url, document: known.get(url)};
};
const now = new Date(credential.validFrom);
const checkStatus = async () => ({verified: true});

async function verify() {
  const suite = new DataIntegrityProof({cryptosuite});
  const result = await vc.verifyCredential({credential, suite, documentLoader, now, checkStatus});
  if(!result.verified) {
    throw new Error(JSON.stringify(result.error, Object.getOwnPropertyNames(result.error ?? {})));
  }
}

for(let i = 0; i < WARM_UP; i++) {
  await verify();
}
const started = performance.now();
for(let i = 0; i < RUNS; i++) {
  await verify();
}
console.log(((performance.now() - started) / RUNS).toFixed(1));
