//! The public chain: everything here is the same for everyone, and all but the newest state is kept for ever.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::problem::Problem;
use super::super::request::{Params, Segment};
use super::{BRIEF, BYTES, IMMUTABLE, JSON, TEXT, answer, json_text};
use crate::merkle::TilePath;
use crate::service::MAX_BLOCKS_PAGE;

/// Blocks of a page when nothing is said.
const DEFAULT_PAGE: usize = 50;

#[derive(Debug, Deserialize, IntoParams)]
pub(crate) struct BlocksQuery {
    /// The first height; without it, the newest blocks.
    from: Option<u64>,
    /// How many, at most 256.
    limit: Option<usize>,
}

/// A page of blocks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlocksAnswer {
    /// How many blocks the published chain has.
    size: u64,
    /// The blocks' texts, by height.
    blocks: Vec<BlockAnswer>,
}

/// One block.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlockAnswer {
    /// Its height.
    height: u64,
    /// Its text (proofs/FORMATS.md section 7).
    text: String,
}

/// List blocks. 区块列表
#[utoipa::path(get, path = "/api/v1/blocks", tag = "chain", params(BlocksQuery), responses((status = 200, body = BlocksAnswer)))]
pub(crate) async fn list_blocks(
    State(app): State<App>,
    Params(query): Params<BlocksQuery>,
) -> Result<Response, Problem> {
    let size = app.service.published().size();
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).min(MAX_BLOCKS_PAGE);
    let from = query.from.unwrap_or_else(|| size.saturating_sub(limit as u64));
    let texts = app.service.block_texts(from, limit).await?;
    let blocks = (from..).zip(texts).map(|(height, text)| BlockAnswer { height, text }).collect();
    let answer = serde_json::to_string(&BlocksAnswer { size, blocks }).map_err(|_| Problem::internal())?;
    Ok(json_text(answer))
}

/// The text of one block. 区块文本
#[utoipa::path(
    get, path = "/api/v1/blocks/{height}", tag = "chain", params(("height" = u64, Path, description = "the block's height")),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn block(State(app): State<App>, Segment(height): Segment) -> Result<Response, Problem> {
    let text = app.service.block_text(&app.service.published(), decimal(&height)?).await?;
    Ok(answer(TEXT, IMMUTABLE, text))
}

/// The C2SP proof of one block under the current checkpoint. 区块证明
#[utoipa::path(
    get, path = "/api/v1/blocks/{height}/proof", tag = "chain", params(("height" = u64, Path, description = "the block's height")),
    responses((status = 200, body = String, content_type = "text/plain", description = "a .tlog-proof file"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn block_proof(State(app): State<App>, Segment(height): Segment) -> Result<Response, Problem> {
    let proof = app.service.block_proof(decimal(&height)?).await?;
    Ok(answer(TEXT, BRIEF, proof.to_string()))
}

/// The signed checkpoint (C2SP tlog-checkpoint). 检查点
#[utoipa::path(get, path = "/checkpoint", tag = "chain", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn checkpoint(State(app): State<App>) -> Response {
    answer(TEXT, BRIEF, app.service.published().checkpoint.clone())
}

/// A tile of the chain (C2SP tlog-tiles): `<L>/<N>[.p/<W>]` of hashes, or `entries/<N>[.p/<W>]` of block texts. 链瓦片
#[utoipa::path(
    get, path = "/tile/{*path}", tag = "chain", params(("path" = String, Path, description = "the tile's path")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn tile(State(app): State<App>, Segment(path): Segment) -> Result<Response, Problem> {
    let tile: TilePath = format!("tile/{path}").parse().map_err(|_| Problem::not_found("tile"))?;
    Ok(answer(BYTES, IMMUTABLE, app.service.tile(&tile).await?))
}

/// The commitments of a block's batch, 32 bytes each, in order. 批次承诺值
#[utoipa::path(
    get, path = "/batch/{height}", tag = "chain", params(("height" = u64, Path, description = "the block's height")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn batch(State(app): State<App>, Segment(height): Segment) -> Result<Response, Problem> {
    Ok(answer(BYTES, IMMUTABLE, app.service.batch(decimal(&height)?).await?))
}

/// The key register of a block, as one JCS array. 密钥登记册
#[utoipa::path(
    get, path = "/keys/{height}", tag = "chain", params(("height" = u64, Path, description = "the block's height")),
    responses((status = 200, body = Value), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn key_register(State(app): State<App>, Segment(height): Segment) -> Result<Response, Problem> {
    Ok(answer(JSON, IMMUTABLE, app.service.key_register(decimal(&height)?).await?))
}

/// The trust policy that the operator suggests (C2SP tlog-policy). Verifiers take theirs from elsewhere. 建议的信任策略
#[utoipa::path(get, path = "/policy", tag = "chain", responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn policy(State(app): State<App>) -> Response {
    answer(TEXT, BRIEF, app.service.suggested_policy())
}

/// A height in its one form: no sign, no leading zero.
fn decimal(text: &str) -> Result<u64, Problem> {
    let number: u64 = text.parse().map_err(|_| Problem::not_found("block"))?;
    if number.to_string() == text { Ok(number) } else { Err(Problem::not_found("block")) }
}
