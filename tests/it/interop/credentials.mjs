// Other people's JavaScript checks our credentials: node credentials.mjs DIR NODE_MODULES CONTEXTS
// DIR holds certificate-key.json, certificate-web.json, status.json, and did.json of the did:web issuer.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';
import {gunzipSync} from 'node:zlib';

const [dir, modules, contexts] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), 'x.js'));
const load = name => import(require.resolve(name));
const read = name => JSON.parse(readFileSync(join(dir, name), 'utf8'));

const {DataIntegrityProof} = await load('@digitalbazaar/data-integrity');
const {cryptosuite} = await load('@digitalbazaar/eddsa-rdfc-2022-cryptosuite');
const multikey = await load('@digitalbazaar/ed25519-multikey');
const vc = await load('@digitalbazaar/vc');

const context = name => JSON.parse(readFileSync(join(contexts, name), 'utf8'));
const known = new Map([
  ['https://www.w3.org/ns/credentials/v2', context('credentials-v2.json')],
  ['https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json', context('ob-v3p0-context-3.0.3.json')],
  ['https://w3id.org/security/data-integrity/v2', context('security-data-integrity-v2.json')],
  ['https://w3id.org/security/multikey/v1', context('security-multikey-v1.json')],
]);

// Resolves what a library would fetch: contexts, the DID document of the site, and did:key, which is its own document.
function documentLoader(url) {
  const [did, fragment] = url.split('#');
  let document = known.get(url);
  if(!document && did.startsWith('did:')) {
    const controller = did.startsWith('did:key:') ? fromKey(did) : read('did.json');
    if(controller.id !== did) {
      throw new Error(`the DID document is that of ${controller.id}, not of ${did}`);
    }
    document = fragment ? controller.verificationMethod.find(method => method.id === url) : controller;
    if(fragment && document) {
      document = {'@context': 'https://w3id.org/security/multikey/v1', ...document};
    }
  }
  if(!document) {
    throw new Error(`nothing is known under ${url}`);
  }
  return {contextUrl: null, documentUrl: url, document};
}

function fromKey(did) {
  const key = did.slice('did:key:'.length);
  const id = `${did}#${key}`;
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
    id: did, assertionMethod: [id],
    verificationMethod: [{id, type: 'Multikey', controller: did, publicKeyMultibase: key}],
  };
}

// The library leaves status lists to its caller: this one says that nothing is revoked, and the next reads the list.
const nothingRevoked = async () => ({verified: true});
async function fromList({credential}) {
  const {statusListIndex} = credential.credentialStatus;
  const bits = gunzipSync(Buffer.from(read('status.json').credentialSubject.encodedList.slice(1), 'base64url'));
  return {verified: (bits[Math.floor(statusListIndex / 8)] & (0x80 >> (statusListIndex % 8))) === 0};
}

async function digitalBazaar(credential, now, checkStatus = nothingRevoked) {
  const suite = new DataIntegrityProof({cryptosuite});
  const result = await vc.verifyCredential({credential, suite, documentLoader, now, checkStatus});
  return result.verified ? null : JSON.stringify(result.error, Object.getOwnPropertyNames(result.error ?? {}));
}

let failures = 0;
function expect(good, what, why) {
  console.log(`${good ? 'ok' : 'FAILED'} ${what}${good ? '' : ': ' + why}`);
  failures += good ? 0 : 1;
}

const changes = {
  'certificate-key.json': c => c.evidence[0].narrative = c.evidence[0].narrative.replace('1.25', '9.25'),
  'certificate-web.json': c => c.credentialSubject.name = '王五',
  'status.json': s => s.validUntil = '2099-01-01T00:00:00.000Z',
};
for(const [name, change] of Object.entries(changes)) {
  const credential = read(name);
  const now = new Date(credential.validFrom);
  const why = await digitalBazaar(credential, now);
  expect(why === null, `@digitalbazaar/vc accepts ${name}`, why);
  // The rdfc proof alone, too: the library must not have been content with another.
  const alone = {...credential, proof: credential.proof[1]};
  const whyAlone = await digitalBazaar(alone, now);
  expect(whyAlone === null, `@digitalbazaar/vc accepts ${name} with its second proof alone`, whyAlone);
  change(alone);
  expect(await digitalBazaar(alone, now) !== null, `@digitalbazaar/vc refuses a changed ${name}`, 'it was accepted');
}
const method = read('certificate-key.json').proof[0].verificationMethod;
const key = await multikey.from({type: 'Multikey', id: method, controller: method.split('#')[0], publicKeyMultibase: method.split('#')[1]});
const exported = (await key.export({publicKey: true})).publicKeyMultibase;
expect(exported === method.split('#')[1], '@digitalbazaar/ed25519-multikey reads the key', exported);
const revoked = read('certificate-web.json');
const found = await digitalBazaar(revoked, new Date(revoked.validFrom), fromList);
expect(found !== null, '@digitalbazaar/vc refuses a certificate whose bit is set', 'it was accepted');

// Only where it is installed: it is large, and resolves issuers over the network unless told not to.
let core = null;
try {
  core = await load('@digitalcredentials/verifier-core');
} catch {
  console.log('skipped @digitalcredentials/verifier-core: not installed');
}
if(core) {
  const name = 'certificate-key.json';
  const verify = credential => core.verifyCredential({credential, knownDIDRegistries: [], reloadIssuerRegistry: false});
  const signature = result => (result.log ?? []).find(step => step.id === 'valid_signature')?.valid;
  const credential = read(name);
  const good = await verify(structuredClone(credential));
  const shown = JSON.stringify(good).slice(0, 600);
  expect(signature(good) === true, `@digitalcredentials/verifier-core accepts the signature of ${name}`, shown);
  changes[name](credential);
  const bad = await verify(credential);
  expect(signature(bad) !== true, `@digitalcredentials/verifier-core refuses a changed ${name}`, 'it was accepted');
}
process.exit(failures ? 1 : 0);
