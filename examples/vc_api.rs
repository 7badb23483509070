//! A server for test suites of the W3C: the VC API's `POST /credentials/issue` and `POST /credentials/verify`, over the
//! proofs of [`cqo_ledger::credential`]. Only for tests: its key is public.
//!
//! `cargo run --example vc_api -- 127.0.0.1:40443 eddsa-rdfc-2022`

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use cqo_ledger::credential::context::{CREDENTIALS_V2, Contexts};
use cqo_ledger::credential::{multikey, proof};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde_json::{Value, json};

type Answer = (StatusCode, Json<Value>);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:40443".into());
    let suite = args.next().unwrap_or_else(|| "eddsa-rdfc-2022".into());
    let routes = Router::new()
        .route("/credentials/issue", post(async move |Json(request): Json<Value>| answer(issue(&request, &suite))))
        .route("/credentials/verify", post(async |Json(request): Json<Value>| answer(verify(&request))));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("ready http://{} as did:key:{}", listener.local_addr()?, multikey(&key().verifying_key()));
    axum::serve(listener, routes).await
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn answer(result: Result<Answer, String>) -> Answer {
    result.unwrap_or_else(|error| (StatusCode::BAD_REQUEST, Json(json!({"verified": false, "errors": [error]}))))
}

fn issue(request: &Value, suite: &str) -> Result<Answer, String> {
    let mut credential = request["credential"].clone();
    let multikey = multikey(&key().verifying_key());
    if credential["issuer"].is_object() {
        credential["issuer"]["id"] = format!("did:key:{multikey}").into();
    } else {
        credential["issuer"] = format!("did:key:{multikey}").into();
    }
    check(&credential)?;
    let mut options = json!({
        "created": request["options"]["created"].as_str().unwrap_or("2026-01-01T00:00:00Z"), "cryptosuite": suite,
        "proofPurpose": "assertionMethod", "type": "DataIntegrityProof",
        "verificationMethod": format!("did:key:{multikey}#{multikey}"),
    });
    if suite == "eddsa-jcs-2022" {
        options["@context"] = credential["@context"].clone();
    }
    let proof = proof::prove(Contexts::PINNED, &credential, options, &key()).map_err(|error| error.to_string())?;
    credential["proof"] = proof;
    Ok((StatusCode::CREATED, Json(json!({"verifiableCredential": credential}))))
}

fn verify(request: &Value) -> Result<Answer, String> {
    let mut credential = request["verifiableCredential"].clone();
    let proofs = credential.as_object_mut().and_then(|members| members.remove("proof")).ok_or("there is no proof")?;
    check(&credential)?;
    let proofs = match proofs {
        Value::Array(proofs) if !proofs.is_empty() => proofs,
        one => vec![one],
    };
    for proof in &proofs {
        if proof["type"] != "DataIntegrityProof" || proof["proofPurpose"] != "assertionMethod" {
            return Err("the proof is of another type or purpose".into());
        }
        let key = key_of(&proof["verificationMethod"]).ok_or("the verificationMethod is no did:key of Ed25519")?;
        proof::verify(Contexts::PINNED, &credential, proof, &key).map_err(|error| error.to_string())?;
    }
    Ok((StatusCode::OK, Json(json!({"verified": true}))))
}

/// What the VC data model asks of any credential.
fn check(credential: &Value) -> Result<(), String> {
    let has =
        |value: &Value, word: &str| *value == word || value.as_array().is_some_and(|all| all.contains(&word.into()));
    let issuer = if credential["issuer"].is_object() { &credential["issuer"]["id"] } else { &credential["issuer"] };
    match () {
        () if credential["@context"][0] != CREDENTIALS_V2 => Err("the first context is another".into()),
        () if !has(&credential["type"], "VerifiableCredential") => Err("the type is another".into()),
        () if issuer.as_str().is_none_or(|issuer| !issuer.contains(':')) => Err("the issuer has no address".into()),
        () if !credential["credentialSubject"].is_object() && !credential["credentialSubject"].is_array() => {
            Err("there is no credentialSubject".into())
        }
        () => Ok(()),
    }
}

fn key_of(method: &Value) -> Option<VerifyingKey> {
    let (did, fragment) = method.as_str()?.split_once('#')?;
    let multikey = did.strip_prefix("did:key:").filter(|key| *key == fragment)?;
    let bytes = bs58::decode(multikey.strip_prefix('z')?).into_vec().ok()?;
    VerifyingKey::from_bytes(bytes.strip_prefix(&[0xed, 1])?.try_into().ok()?).ok()
}
